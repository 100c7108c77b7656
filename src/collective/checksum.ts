/**
 * The checksum of a piece of a vector. It detects damage in transit, not malice. The field in coxswain.proto defines
 * it. It has two sums per word position of 16 bytes: the plain sum detects any single changed word, the weighted sum
 * detects swapped words. The sums do not depend on how the bytes are split into pieces, and cost a fraction of CRC-32.
 */
import { blocks, blockSize, kernels, state } from "./wasm.js";

const laneBytes = 16;

/** The checksum of bytes that arrive in pieces. */
export class Checksum {
  readonly #words = new Uint32Array(8);
  #length = 0;

  /** The next bytes. */
  take(bytes: Uint8Array): void {
    const [block] = blocks;
    state.words.set(this.#words);
    for (let at = 0; at < bytes.length;) {
      // Continue a partial lane; its missing bytes count as zeros.
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

  /** The bytes that `next` has taken follow. @returns false, without effect, unless they begin at a multiple of 16 bytes */
  append(next: Checksum): boolean {
    const lanes = this.#length / laneBytes;
    if (!Number.isInteger(lanes)) return false;
    for (let word = 0; word < 4; word++) {
      const [sum = 0, weighted = 0] = [next.#words[word], next.#words[word + 4]];
      this.#words[word] = (this.#words[word] ?? 0) + sum;
      this.#words[word + 4] = (this.#words[word + 4] ?? 0) + weighted + (Math.imul(lanes, sum) >>> 0);
    }
    this.#length += next.#length;
    return true;
  }

  /** Returns the checksum of all bytes so far, and starts a new one. */
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
