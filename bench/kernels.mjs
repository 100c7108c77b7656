/**
 * What the vector kernels cost beside loops in JavaScript, by size of vector: in the caches and far beyond them.
 *
 *     npm run build && node bench/kernels.mjs [--floats 65536,1048576,16777216] [--smoke]
 *
 * Prints ms per million floats, the median of runs that take turns. Knows nothing of training.
 */
import { crc32 } from "node:zlib";
import {
  addBf16Into,
  addInto,
  adamwElements,
  bytesOf,
  scaleInPlace,
  squareSums,
  stateHash,
  toBf16,
} from "../dist/collective/index.js";
import { median, readOptions } from "./shared.mjs";

const { fround } = Math;

const constants = {
  scale: 1 / 170,
  decay: 0.999998,
  lerpFromGradient: false,
  lerp: 0.1,
  beta2: 0.999,
  oneMinusBeta2: 0.001,
  correction2: 0.5,
  epsilon: 1e-8,
  minusStepSize: -1e-3,
};

function addLoop(into, from) {
  for (let index = 0; index < into.length; index++) into[index] = into[index] + from[index];
}

function squareSumLoop(vector) {
  let sum = 0;
  for (let index = 0; index < vector.length; index++) sum += vector[index] * vector[index];
  return sum;
}

function toBf16Loop(from, to) {
  const bits = new Uint32Array(from.buffer, from.byteOffset, from.length);
  for (let index = 0; index < bits.length; index++) {
    const word = bits[index];
    to[index] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
}

function adamwLoop({ parameters, m, v, gradients }, given) {
  const [scale, decay, lerp] = [fround(given.scale), fround(given.decay), fround(given.lerp)];
  const [beta2, oneMinusBeta2] = [fround(given.beta2), fround(given.oneMinusBeta2)];
  const [correction2, epsilon] = [fround(given.correction2), fround(given.epsilon)];
  const minusStepSize = fround(given.minusStepSize);
  for (let index = 0; index < parameters.length; index++) {
    const gradient = fround(gradients[index] * scale);
    const first = fround(m[index] + fround(lerp * fround(gradient - m[index])));
    const second = fround(fround(v[index] * beta2) + fround(fround(oneMinusBeta2 * gradient) * gradient));
    const denominator = fround(fround(fround(Math.sqrt(second)) / correction2) + epsilon);
    m[index] = first;
    v[index] = second;
    parameters[index] = fround(fround(parameters[index] * decay) + fround(fround(minusStepSize * first) / denominator));
  }
}

/** The rows of the table: what is done to vectors of one size, in JavaScript and by the kernels. */
function tasks(size) {
  const random = () => new Float32Array(size).map(() => Math.random() - 0.5);
  const [parameters, m, gradients] = [random(), random(), random()];
  const v = random().map(Math.abs);
  const halves = new Uint16Array(size);
  const vectors = { parameters, m, v, gradients };
  return {
    add: { loop: () => addLoop(m, gradients), kernel: () => addInto(m, gradients) },
    scale: { kernel: () => scaleInPlace(m, 0.999) },
    "square sum": { loop: () => squareSumLoop(gradients), kernel: () => squareSums(gradients) },
    "f32 to bf16": { loop: () => toBf16Loop(gradients, halves), kernel: () => toBf16(gradients, halves) },
    "add bf16": { kernel: () => addBf16Into(m, halves) },
    AdamW: { loop: () => adamwLoop(vectors, constants), kernel: () => adamwElements(vectors, constants, 0, size) },
    "crc32 of f32": { kernel: () => crc32(bytesOf(gradients)) },
    "state hash (three vectors)": { kernel: () => stateHash({ step: 1, parameters, m, v }) },
  };
}

/** Median ms per million floats of each function, one run of each in turn. */
function measure(functions, size) {
  const times = Object.fromEntries(Object.keys(functions).map((name) => [name, []]));
  const turns = Math.max(15, Math.ceil(4_000_000 / size));
  for (let turn = -5; turn < turns; turn++) {
    for (const [name, run] of Object.entries(functions)) {
      const start = performance.now();
      run();
      // The first turns only warm caches and compilers up.
      if (turn >= 0) times[name].push(((performance.now() - start) / size) * 1e6);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, Number(median(values).toFixed(3))]));
}

const { floats } = readOptions({ floats: [65_536, 1_048_576, 16_777_216] }, { floats: [65_536] });
for (const size of floats) {
  console.log(`\n${size} floats, ms per million`);
  console.table(
    Object.fromEntries(Object.entries(tasks(size)).map(([task, functions]) => [task, measure(functions, size)])),
  );
}
