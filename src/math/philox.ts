/**
 * Philox4x32-10, a counter-based random generator (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3",
 * SC '11). The value at a counter depends on the key and the counter only, so any worker can draw any number without
 * having drawn those before it: the epoch order, LoRA initialisation and dropout are all functions of their names.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the unsigned product of two 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000)) >>> 0;
}

/**
 * Writes the four 32-bit words at `counter` under `key` to `out[at .. at+3]`.
 * @param counter four unsigned 32-bit words
 * @param key two unsigned 32-bit words
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
  at = 0,
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0);
    const low0 = Math.imul(M0, c0) >>> 0;
    const high1 = multiplyHigh(M1, c2);
    const low1 = Math.imul(M1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** What a stream of random words is for; streams of different purposes never overlap. */
export const streams = { epochOrder: 1, loraInit: 2, dropout: 3, sampling: 4, mixing: 5, sweep: 6 } as const;
export type Stream = (typeof streams)[keyof typeof streams];

/**
 * A sequential reader over one stream: the words at counters (0, a, b, stream), (1, a, b, stream), …
 * `a` and `b` say which member of the stream it is (an epoch; a step and a shard; …).
 */
export class PhiloxStream {
  readonly #key: readonly [number, number];
  readonly #a: number;
  readonly #b: number;
  readonly #stream: Stream;
  readonly #words = new Uint32Array(4);
  #counter = 0;
  #used = 4;

  /** @param seed a whole number, 0 .. 2^53-1 */
  constructor(seed: number, stream: Stream, a = 0, b = 0) {
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    this.#stream = stream;
    this.#a = a >>> 0;
    this.#b = b >>> 0;
  }

  /** The next unsigned 32-bit word. */
  next(): number {
    if (this.#used === 4) {
      philox4x32([this.#counter++, this.#a, this.#b, this.#stream], this.#key, this.#words);
      this.#used = 0;
    }
    return this.#words[this.#used++] ?? 0;
  }

  /** Uniform in [0, 1), 24 bits: exact in f32. */
  uniform(): number {
    return (this.next() >>> 8) / 0x1000000;
  }

  /** Uniform whole number in [0, bound), without modulo bias (Lemire's rejection). */
  below(bound: number): number {
    const threshold = (0x100000000 - bound) % bound;
    for (;;) {
      const word = this.next();
      const low = Math.imul(word, bound) >>> 0;
      if (low >= threshold) return multiplyHigh(word, bound);
    }
  }
}

/** A 32-bit FNV-1a hash of a name's UTF-8 bytes: turns a module's name into a stream member. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
