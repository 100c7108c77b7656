/**
 * The two tables of NF4, as in bitsandbytes: 16 values for weights, 256 for the largest
 * magnitudes of blocks of weights.
 */

/**
 * NormalFloat: quantiles of a normal distribution scaled to [-1, 1], with an exact 0 (Dettmers et al., "QLoRA", 2023,
 * appendix E). Ascending.
 */
export const nf4Values: Float32Array = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/** The code of 0. */
export const nf4Zero = 7;

const { fround } = Math;

/**
 * The signed dynamic 8-bit type: decades from 1e-6 to 1, each divided into twice as many steps as the one below
 * (Dettmers et al., "8-bit Optimizers via Block-wise Quantization", 2022, section 1.3). Ascending; rounded to f32 at
 * every operation, as the original is computed.
 */
export const dynamicValues: Float32Array = makeDynamicValues();

function makeDynamicValues(): Float32Array {
  const values = [0, 1];
  for (let exponent = 0; exponent < 7; exponent++) {
    const scale = fround(10 ** (exponent - 6));
    for (const mean of meansOfSteps(2 ** exponent)) values.push(fround(scale * mean), -fround(scale * mean));
  }
  return Float32Array.from(values).sort();
}

/** The midpoints of `count` equal steps from 0.1 to 1. */
function meansOfSteps(count: number): number[] {
  const [first, last] = [fround(0.1), 1];
  const step = fround(fround(last - first) / count);
  // As torch's linspace: from both ends towards the middle, each sum rounded once.
  const boundary = (i: number): number =>
    i < Math.floor((count + 1) / 2) ? fround(first + step * i) : fround(last - step * (count - i));
  return Array.from({ length: count }, (_, i) => fround(fround(boundary(i) + boundary(i + 1)) / 2));
}

/** The midpoints between neighbours of an ascending table, in f32: the thresholds of rounding to nearest. */
export function midpoints(values: Float32Array): Float32Array {
  return Float32Array.from({ length: values.length - 1 }, (_, i) =>
    fround(0.5 * fround((values[i] ?? 0) + (values[i + 1] ?? 0))),
  );
}
