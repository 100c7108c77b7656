/**
 * Quantises weights to NF4, number for number as bitsandbytes does on a CPU (0.50: `quantize_4bit` with quant_type
 * "nf4", block size 64 and compress_statistics). Every operation rounds to f32, so the bytes are the same on every
 * machine.
 *
 * For each block of 64 weights, in file order, the largest magnitude is stored ("absmax"), and for each weight the
 * nearest of 16 values times absmax. The absmax values themselves are quantised to 8 bits: minus their mean, in blocks
 * of 256, to the nearest of 256 values times the block's largest magnitude.
 *
 * The CUDA kernels differ in two ways: they search the 256 values exactly, while the CPU first rounds to 1/32768; and
 * they sum the mean in a different order. Both change an absmax by at most one step of its 8 bits.
 */
import { dynamicValues, midpoints, nf4Values, nf4Zero } from "./codes.js";

/** Weights per block. */
export const blockSize = 64;
/** Bytes of codes per block. */
export const blockBytes = blockSize / 2;
/** Absmax values per block. */
export const absmaxBlockSize = 256;

const { fround } = Math;

/** The smallest divisor: a block of zeros has absmax 0. */
const leastDivisor = fround(1e-38);

export const blocksOf = (weights: number): number => Math.ceil(weights / blockSize);

/**
 * Quantises whole blocks, and a partial one at the end of a tensor.
 * @param values n weights, finite
 * @param codes [blocks, 32]: byte j of a block has the codes of its weights j (high four bits) and 32 + j (low). A
 *   partial block is padded with zeros.
 * @param absmax [blocks]
 */
export function quantizeBlocks(values: Float32Array, codes: Uint8Array, absmax: Float32Array): void {
  const whole = Math.floor(values.length / blockSize);
  const block = new Uint8Array(blockSize);
  for (let b = 0; b < whole; b++) {
    const start = b * blockSize;
    const most = largest(values, start, start + blockSize);
    absmax[b] = most;
    const factor = fround(1 / Math.max(most, leastDivisor));
    for (let i = 0; i < blockSize; i++) block[i] = nearestCode(fround((values[start + i] ?? 0) * factor));
    pack(block, codes, b);
  }
  const start = whole * blockSize;
  if (start === values.length) return;
  // bitsandbytes divides here, and keeps the divisor for the absmax.
  const most = Math.max(largest(values, start, values.length), leastDivisor);
  absmax[whole] = most;
  block.fill(nf4Zero);
  for (let i = start; i < values.length; i++) block[i - start] = nearestCode(fround((values[i] ?? 0) / most));
  pack(block, codes, whole);
}

function largest(values: Float32Array, start: number, end: number): number {
  let most = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i] ?? 0);
    if (magnitude > most) most = magnitude;
  }
  return most;
}

function pack(block: Uint8Array, codes: Uint8Array, b: number): void {
  const start = b * blockBytes;
  for (let j = 0; j < blockBytes; j++) {
    codes[start + j] = ((block[j] ?? 0) << 4) | (block[blockBytes + j] ?? 0);
  }
}

/** Fine enough that few of these steps contain a midpoint, so that the branch is nearly always predicted. */
const stepsPerUnit = 4096;
const nf4Midpoints = Float32Array.from([...midpoints(nf4Values), Infinity]);
/** Number of midpoints below the start of each step. */
const codeAtStep = Uint8Array.from({ length: 2 * stepsPerUnit + 1 }, (_, step) =>
  nf4Midpoints.findIndex((midpoint) => midpoint >= (step - stepsPerUnit) / stepsPerUnit),
);

/** Number of midpoints below `value`: at a midpoint, the lower value is chosen. */
function nearestCode(value: number): number {
  const bounded = value > 1 ? 1 : value < -1 ? -1 : value;
  const code = codeAtStep[((bounded + 1) * stepsPerUnit) | 0] ?? 0;
  return bounded > (nf4Midpoints[code] ?? 0) ? code + 1 : code;
}

/** Absmax in 8 bits. */
export interface CompressedAbsmax {
  /** [groups, 256], padded with zeros. */
  readonly codes: Uint8Array;
  /** Factor of the values of a group of 256, [groups]. */
  readonly scales: Float32Array;
  /** Added afterwards: their mean. */
  readonly offset: number;
}

/**
 * Mean in f64, rounded once: torch's own differs in its last bit between machines, with its threads and vector width.
 */
export function meanOf(absmax: Float32Array): number {
  let sum = 0;
  for (const value of absmax) sum += value;
  return fround(sum / absmax.length);
}

/** @param offset the mean of `absmax`; an argument so that tests can pass bitsandbytes' value */
export function compressAbsmax(absmax: Float32Array, offset: number = meanOf(absmax)): CompressedAbsmax {
  const groups = Math.ceil(absmax.length / absmaxBlockSize);
  const codes = new Uint8Array(groups * absmaxBlockSize);
  const scales = new Float32Array(groups);
  const centred = absmax.map((value) => value - offset);
  for (let group = 0; group < groups; group++) {
    const start = group * absmaxBlockSize;
    const end = Math.min(start + absmaxBlockSize, absmax.length);
    const most = largest(centred, start, end);
    scales[group] = most;
    const factor = fround(1 / most);
    for (let i = start; i < end; i++) codes[i] = nearestDynamic(fround((centred[i] ?? 0) * factor));
  }
  return { codes, scales, offset };
}

/** Number of cells of [-1, 1] for the search. */
const cells = 65_536;
/** Created on first use: most processes quantise nothing. */
let dynamicAtCell: Uint8Array | undefined;

function makeDynamicTable(): Uint8Array {
  const bounds = midpoints(dynamicValues);
  const table = new Uint8Array(cells);
  let code = 0;
  for (let cell = 0; cell < cells; cell++) {
    const value = fround(-1 + fround((2 * cell) / (cells - 1)));
    while (code < bounds.length && (bounds[code] ?? 0) < value) code++;
    table[cell] = code;
  }
  return table;
}

/** The value nearest to that of the cell that `value` falls into. A group of equal absmax gives NaN, and code 0. */
function nearestDynamic(value: number): number {
  const bounded = value > 1 ? 1 : value < -1 ? -1 : value;
  const cell = fround(fround(fround(fround(bounded + 1) * 0.5) * (cells - 1)) + 0.5);
  dynamicAtCell ??= makeDynamicTable();
  return dynamicAtCell[Math.trunc(cell) || 0] ?? 0;
}
