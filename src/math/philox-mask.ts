/**
 * Draws many Bernoulli samples from Philox4x32-10 per call: the words of `philox4x32` (see `philox.ts`), with the
 * rounds written out in 32-bit whole-number arithmetic, which is what makes it fast. Each word decides two elements, 16
 * bits each.
 */

const M0 = 0xd2511f53 | 0;
const M1 = 0xcd9e8d57 | 0;
const W0 = 0x9e3779b9 | 0;
const W1 = 0xbb67ae85 | 0;

/**
 * Sets `out[i]` to 1 where 16 bits drawn for element i are at least `threshold`, else to 0.
 * Element 8 j + 2 k (+ 1) takes the low (high) half of word k at counter (j, counter[0], counter[1], counter[2]).
 * @param threshold 0 (all 1) .. 65536 (all 0)
 */
export function bernoulliMask(
  counter: readonly [number, number, number],
  key: readonly [number, number],
  threshold: number,
  out: Uint8Array,
): void {
  const keys = roundKeys(key);
  const whole = out.length >>> 3;
  for (let block = 0; block < whole; block++) drawEight(block, counter, keys, threshold, out, block * 8);
  const rest = out.length - whole * 8;
  if (rest === 0) return;
  const eight = new Uint8Array(8);
  drawEight(whole, counter, keys, threshold, eight, 0);
  out.set(eight.subarray(0, rest), whole * 8);
}

/** The two key words of each of the ten rounds. */
function roundKeys([first, second]: readonly [number, number]): Int32Array {
  const keys = new Int32Array(20);
  for (let round = 0; round < 10; round++) {
    keys[2 * round] = first + Math.imul(round, W0);
    keys[2 * round + 1] = second + Math.imul(round, W1);
  }
  return keys;
}

/** The eight elements of a block. */
function drawEight(
  block: number,
  counter: readonly [number, number, number],
  keys: Int32Array,
  threshold: number,
  out: Uint8Array,
  at: number,
): void {
  let c0 = block | 0;
  let c1 = counter[0] | 0;
  let c2 = counter[1] | 0;
  let c3 = counter[2] | 0;
  for (let i = 0; i < 20; i += 2) {
    // High halves of the 64-bit products, from 16-bit pieces; no sum of pieces exceeds 32 bits.
    const low0 = c0 & 0xffff;
    const high0 = c0 >>> 16;
    const middle0 = (Math.imul(0xd251, low0) + (Math.imul(0x1f53, low0) >>> 16)) | 0;
    const cross0 = (Math.imul(0x1f53, high0) + (middle0 & 0xffff)) | 0;
    const top0 = (Math.imul(0xd251, high0) + (middle0 >>> 16) + (cross0 >>> 16)) | 0;
    const low2 = c2 & 0xffff;
    const high2 = c2 >>> 16;
    const middle2 = (Math.imul(0xcd9e, low2) + (Math.imul(0x8d57, low2) >>> 16)) | 0;
    const cross2 = (Math.imul(0x8d57, high2) + (middle2 & 0xffff)) | 0;
    const top2 = (Math.imul(0xcd9e, high2) + (middle2 >>> 16) + (cross2 >>> 16)) | 0;
    const bottom0 = Math.imul(M0, c0);
    const bottom2 = Math.imul(M1, c2);
    c0 = top2 ^ c1 ^ (keys[i] ?? 0);
    c1 = bottom2;
    c2 = top0 ^ c3 ^ (keys[i + 1] ?? 0);
    c3 = bottom0;
  }
  out[at] = (c0 & 0xffff) >= threshold ? 1 : 0;
  out[at + 1] = c0 >>> 16 >= threshold ? 1 : 0;
  out[at + 2] = (c1 & 0xffff) >= threshold ? 1 : 0;
  out[at + 3] = c1 >>> 16 >= threshold ? 1 : 0;
  out[at + 4] = (c2 & 0xffff) >= threshold ? 1 : 0;
  out[at + 5] = c2 >>> 16 >= threshold ? 1 : 0;
  out[at + 6] = (c3 & 0xffff) >= threshold ? 1 : 0;
  out[at + 7] = c3 >>> 16 >= threshold ? 1 : 0;
}
