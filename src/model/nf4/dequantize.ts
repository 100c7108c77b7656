/** From NF4 back to f32, number for number as bitsandbytes does: (8-bit value * scale + mean) * 4-bit value. */
import { dynamicValues, nf4Values } from "./codes.js";
import { absmaxBlockSize, blockBytes, blockSize, type CompressedAbsmax } from "./quantize.js";

const { fround } = Math;

/** @param blocks number of absmax values, without the padding of the last group */
export function expandAbsmax({ codes, scales, offset }: CompressedAbsmax, blocks: number): Float32Array {
  const absmax = new Float32Array(blocks);
  for (let i = 0; i < blocks; i++) {
    const scale = scales[Math.floor(i / absmaxBlockSize)] ?? 0;
    absmax[i] = fround((dynamicValues[codes[i] ?? 0] ?? 0) * scale) + offset;
  }
  return absmax;
}

/**
 * @param codes as `quantizeBlocks` writes them
 * @param absmax [blocks]
 * @param out n weights
 */
export function dequantizeBlocks(codes: Uint8Array, absmax: Float32Array, out: Float32Array): void {
  const table = new Float32Array(nf4Values.length);
  for (let block = 0, start = 0; start < out.length; block++, start += blockSize) {
    const scale = absmax[block] ?? 0;
    for (let code = 0; code < table.length; code++) table[code] = (nf4Values[code] ?? 0) * scale;
    const from = block * blockBytes;
    // Writes beyond the end of a typed array are ignored: the last block may be partial.
    for (let j = 0; j < blockBytes; j++) {
      const byte = codes[from + j] ?? 0;
      out[start + j] = table[byte >> 4] ?? 0;
      out[start + blockBytes + j] = table[byte & 15] ?? 0;
    }
  }
}
