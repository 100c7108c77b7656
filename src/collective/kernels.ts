/**
 * Arithmetic on whole vectors, at the speed of WebAssembly SIMD and with the same bits on every machine. Vectors may be
 * anywhere in memory; they are copied through blocks of the module's memory, which is still faster than a loop in
 * JavaScript (see bench/kernels.mjs). Does not know steps, shards or optimisers: AdamW here is arithmetic with nine
 * given constants.
 */
import { CoxswainError } from "../errors.js";
import { bytesOf } from "./floats.js";
import { type Block, blocks, blockSize, kernels } from "./wasm.js";

function sameLength(...vectors: readonly { readonly length: number }[]): void {
  if (vectors.every(({ length }) => length === vectors[0]?.length)) return;
  const lengths = vectors.map(({ length }) => length).join(", ");
  throw new CoxswainError("bug", `vectors must have equal lengths, but have ${lengths} elements`);
}

/** The rounded-up count that a kernel gets for `count` elements of a block; excess results are discarded. */
const wholeLanes = (count: number): number => Math.ceil(count / 8) * 8;

/** Calls `visit` with the start and length of each block of [from, to). */
function forEachBlock(from: number, to: number, visit: (at: number, count: number) => void): void {
  for (let at = from; at < to; at += blockSize) visit(at, Math.min(blockSize, to - at));
}

const copyIn = (block: Block, vector: Float32Array, at: number, count: number): void =>
  block.floats.set(vector.subarray(at, at + count));

const copyOut = (block: Block, vector: Float32Array, at: number, count: number): void =>
  vector.set(count === blockSize ? block.floats : block.floats.subarray(0, count), at);

/**
 * to[i] = left[i] + right[i], in f32; `to` may be one of them.
 * @param right as floats, or as their bytes, with any alignment
 * @throws CoxswainError "bug" when the lengths differ
 */
export function addTo(to: Float32Array, left: Float32Array, right: Float32Array | Uint8Array): void {
  const bytes = right instanceof Uint8Array ? right : bytesOf(right);
  sameLength(to, left, { length: bytes.length / 4 });
  const [sum, addend] = blocks;
  forEachBlock(0, to.length, (at, count) => {
    copyIn(sum, left, at, count);
    addend.bytes.set(bytes.subarray(at * 4, (at + count) * 4));
    kernels.add(sum.address, addend.address, wholeLanes(count));
    copyOut(sum, to, at, count);
  });
}

/**
 * into[i] += from[i], in f32.
 * @throws CoxswainError "bug" when the lengths differ
 */
export const addInto = (into: Float32Array, from: Float32Array): void => addTo(into, into, from);

/** vector[i] *= factor, in f32; the factor is rounded to f32 first. */
export function scaleInPlace(vector: Float32Array, factor: number): void {
  const [block] = blocks;
  forEachBlock(0, vector.length, (at, count) => {
    copyIn(block, vector, at, count);
    kernels.scale(block.address, factor, wholeLanes(count));
    copyOut(block, vector, at, count);
  });
}

/**
 * Elements per sum of `squareSums`, at most a scratch block. Part of the definition of the gradient's norm: changing it
 * changes results.
 */
export const squareSumBlock = 4096;

/**
 * The sum of squares, in f64, of each block of `squareSumBlock` elements (the last may be shorter). Squares are exact;
 * within a block, elements with index 0, 1, 2, 3 modulo 4 are summed separately in order, then added as (s0 + s2) + (s1
 * + s3). So the sums of a slice that begins at a block boundary equal those of the whole vector.
 * @returns [ceil(length / squareSumBlock)]
 */
export function squareSums(vector: Float32Array): Float64Array {
  const [block] = blocks;
  const sums = new Float64Array(Math.ceil(vector.length / squareSumBlock));
  for (let index = 0; index < sums.length; index++) {
    const at = index * squareSumBlock;
    const count = Math.min(squareSumBlock, vector.length - at);
    copyIn(block, vector, at, count);
    block.floats.fill(0, count, wholeLanes(count));
    sums[index] = kernels.squareSum(block.address, wholeLanes(count));
  }
  return sums;
}

/**
 * to[i] = the bfloat16 nearest to from[i] (ties to even; infinity on overflow; a NaN stays a NaN).
 * @param to bit patterns, as long as `from`
 * @throws CoxswainError "bug" when the lengths differ
 */
export function toBf16(from: Float32Array, to: Uint16Array): void {
  sameLength(from, to);
  const [source, target] = blocks;
  forEachBlock(0, from.length, (at, count) => {
    copyIn(source, from, at, count);
    kernels.toBf16(target.address, source.address, wholeLanes(count));
    to.set(target.halves.subarray(0, count), at);
  });
}

/**
 * into[i] += from[i], where `from` holds bfloat16 bit patterns; the sum is f32.
 * @throws CoxswainError "bug" when the lengths differ
 */
export function addBf16Into(into: Float32Array, from: Uint16Array): void {
  sameLength(into, from);
  const [sum, addend] = blocks;
  forEachBlock(0, into.length, (at, count) => {
    copyIn(sum, into, at, count);
    addend.halves.set(from.subarray(at, at + count));
    kernels.addBf16(sum.address, addend.address, wholeLanes(count));
    copyOut(sum, into, at, count);
  });
}

/**
 * to[i] = from[i], where `from` is bfloat16.
 * @param from bit patterns as bytes, with any alignment
 * @throws CoxswainError "bug" when the lengths differ
 */
export function fromBf16(from: Uint8Array, to: Float32Array): void {
  sameLength({ length: from.length / 2 }, to);
  const [target, source] = blocks;
  forEachBlock(0, to.length, (at, count) => {
    source.bytes.set(from.subarray(at * 2, (at + count) * 2));
    kernels.fromBf16(target.address, source.address, wholeLanes(count));
    copyOut(target, to, at, count);
  });
}

/** vector[i] = the bfloat16 nearest to vector[i], rounded as `toBf16` does; it stays f32. */
export function roundToBf16(vector: Float32Array): void {
  const [block] = blocks;
  forEachBlock(0, vector.length, (at, count) => {
    copyIn(block, vector, at, count);
    kernels.roundBf16(block.address, wholeLanes(count));
    copyOut(block, vector, at, count);
  });
}

/**
 * to[i] = the bfloat16 nearest to left[i] + right[i]: added in f32, then rounded as `toBf16` does; it stays f32. `to` may
 * be one of them.
 * @throws CoxswainError "bug" when the lengths differ
 */
export function addRoundedTo(to: Float32Array, left: Float32Array, right: Float32Array): void {
  sameLength(to, left, right);
  const [sum, addend] = blocks;
  forEachBlock(0, to.length, (at, count) => {
    copyIn(sum, left, at, count);
    copyIn(addend, right, at, count);
    kernels.addRoundBf16(sum.address, addend.address, wholeLanes(count));
    copyOut(sum, to, at, count);
  });
}

/**
 * The same with `right` in bfloat16.
 * @param right bit patterns as bytes, with any alignment
 * @throws CoxswainError "bug" when the lengths differ
 */
export function addBf16RoundedTo(to: Float32Array, left: Float32Array, right: Uint8Array): void {
  sameLength(to, left, { length: right.length / 2 });
  const [sum, halves, addend] = blocks;
  forEachBlock(0, to.length, (at, count) => {
    copyIn(sum, left, at, count);
    halves.bytes.set(right.subarray(at * 2, (at + count) * 2));
    kernels.fromBf16(addend.address, halves.address, wholeLanes(count));
    kernels.addRoundBf16(sum.address, addend.address, wholeLanes(count));
    copyOut(sum, to, at, count);
  });
}

/** The constants of an AdamW update. Each is rounded to f32 when it is used. */
export interface AdamwConstants {
  /** The gradient is `gradients[i] * scale`. */
  readonly scale: number;
  /** Weight decay: parameters are multiplied by it. */
  readonly decay: number;
  /** m = (lerpFromGradient ? gradient : m) + lerp * (gradient - m) */
  readonly lerpFromGradient: boolean;
  readonly lerp: number;
  /** v = v * beta2 + (oneMinusBeta2 * gradient) * gradient */
  readonly beta2: number;
  readonly oneMinusBeta2: number;
  /** parameter = parameter * decay + (minusStepSize * m) / (sqrt(v) / correction2 + epsilon) */
  readonly correction2: number;
  readonly epsilon: number;
  readonly minusStepSize: number;
}

/** The vectors of an AdamW update, all of one length; the first three are written. */
export interface AdamwVectors {
  readonly parameters: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly gradients: Float32Array;
}

/**
 * The AdamW update of elements [from, to), every operation rounded to f32. Elements are independent: any split into
 * ranges gives the same bits.
 * @throws CoxswainError "bug" when the lengths differ or the range exceeds the vectors
 */
export function adamwElements(vectors: AdamwVectors, constants: AdamwConstants, from: number, to: number): void {
  const { parameters, m, v, gradients } = vectors;
  sameLength(parameters, m, v, gradients);
  if (!(from >= 0 && from <= to && to <= parameters.length)) {
    throw new CoxswainError("bug", `elements ${from} to ${to} are not within a vector of ${parameters.length}`);
  }
  const [first, second, third, fourth] = blocks;
  forEachBlock(from, to, (at, count) => {
    copyIn(first, parameters, at, count);
    copyIn(second, m, at, count);
    copyIn(third, v, at, count);
    copyIn(fourth, gradients, at, count);
    kernels.adamw(
      first.address,
      second.address,
      third.address,
      fourth.address,
      wholeLanes(count),
      constants.scale,
      constants.decay,
      constants.lerpFromGradient ? 1 : 0,
      constants.lerp,
      constants.beta2,
      constants.oneMinusBeta2,
      constants.correction2,
      constants.epsilon,
      constants.minusStepSize,
    );
    copyOut(first, parameters, at, count);
    copyOut(second, m, at, count);
    copyOut(third, v, at, count);
  });
}
