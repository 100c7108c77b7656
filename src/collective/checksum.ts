/**
 * The checksum of a piece of a vector, against damage on the way and not against malice. Defined beside the field in
 * coxswain.proto. Two sums a word position of 16 bytes: that of the words finds any one word that changed, the weighted one
 * finds words that changed places. Sums do not depend on how the bytes are cut into pieces, and cost a fraction of CRC-32.
 */
import { blocks, blockSize, kernels, state } from "./wasm.js";

const laneBytes = 16;

/** The checksum of bytes that come in pieces. */
export class Checksum {
  readonly #words = new Uint32Array(8);
  #length = 0;

  /** The next bytes. */
  take(bytes: Uint8Array): void {
    const [block] = blocks;
    state.words.set(this.#words);
    for (let at = 0; at < bytes.length;) {
      // A lane that was begun goes on where it was; the rest of it counts as zeros, now as before.
      const begun = this.#length % laneBytes;
      const count = Math.min(bytes.length - at, blockSize * 4 - begun);
      const end = begun + count;
      const lanes = Math.ceil(end / laneBytes);
      block.bytes.set(at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count), begun);
      if (begun > 0) block.bytes.fill(0, 0, begun);
      if (end % laneBytes > 0) block.bytes.fill(0, end, lanes * laneBytes);
      kernels.checksum(state.address, block.address, lanes, Math.floor(this.#length / laneBytes) + 1);
      at += count;
      this.#length += count;
    }
    this.#words.set(state.words);
  }

  /** The checksum of all that came; from here on another begins. */
  finish(): number {
    let hash = this.#length;
    for (const word of this.#words) {
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    this.#words.fill(0);
    this.#length = 0;
    return hash >>> 0;
  }
}

const whole = new Checksum();

export function checksumOf(bytes: Uint8Array): number {
  whole.take(bytes);
  return whole.finish();
}
