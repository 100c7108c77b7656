/** What the kernels must compute, in plain JavaScript: one operation and one rounding at a time. */
import { PhiloxStream, streams } from "../../../src/math/philox.js";
import type { AdamwConstants, AdamwVectors } from "../../../src/collective/index.js";

const { fround } = Math;

export function referenceAdd(into: Float32Array, from: Float32Array): void {
  for (let index = 0; index < into.length; index++) into[index] = fround(into[index]! + from[index]!);
}

export function referenceAdamw(vectors: AdamwVectors, constants: AdamwConstants, from: number, to: number): void {
  const { parameters, m, v, gradients } = vectors;
  const scale = fround(constants.scale);
  const decay = fround(constants.decay);
  const lerp = fround(constants.lerp);
  const beta2 = fround(constants.beta2);
  const oneMinusBeta2 = fround(constants.oneMinusBeta2);
  const correction2 = fround(constants.correction2);
  const epsilon = fround(constants.epsilon);
  const minusStepSize = fround(constants.minusStepSize);
  for (let index = from; index < to; index++) {
    const gradient = fround(gradients[index]! * scale);
    const base = constants.lerpFromGradient ? gradient : m[index]!;
    const first = fround(base + fround(lerp * fround(gradient - m[index]!)));
    const second = fround(fround(v[index]! * beta2) + fround(fround(oneMinusBeta2 * gradient) * gradient));
    const denominator = fround(fround(fround(Math.sqrt(second)) / correction2) + epsilon);
    const step = fround(fround(minusStepSize * first) / denominator);
    m[index] = first;
    v[index] = second;
    parameters[index] = fround(fround(parameters[index]! * decay) + step);
  }
}

export function referenceSquareSum(vector: Float32Array): number {
  const sums = [0, 0, 0, 0];
  vector.forEach((value, index) => (sums[index % 4]! += value * value));
  return sums[0]! + sums[2]! + (sums[1]! + sums[3]!);
}

/** The bits of every element: tells 0 from -0; NaNs are all one, since their bits are no promise. */
export const bitsOf = (vector: Float32Array): number[] =>
  Array.from(new Uint32Array(vector.slice().buffer), (bits, index) =>
    Number.isNaN(vector[index]) ? 0x7fc00000 : bits,
  );

/** Every kind of f32 there is, extremes and specials included: random bits, drawn from a seed. */
export function awkwardFloats(length: number, seed: number): Float32Array {
  const random = new PhiloxStream(seed, streams.sampling);
  return new Float32Array(Uint32Array.from({ length }, () => random.next()).buffer);
}

/** Of the magnitudes that gradients have: about 1e-8 to 1e2, either sign. */
export function gradientLike(length: number, seed: number): Float32Array {
  const random = new PhiloxStream(seed, streams.sampling);
  return Float32Array.from({ length }, () => (random.uniform() - 0.5) * 10 ** (random.uniform() * 10 - 8));
}
