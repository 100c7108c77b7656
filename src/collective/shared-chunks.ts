/**
 * Chunks of slices that several peers pull: checksums and bfloat16 conversion are computed once, for the first peer.
 */
import type { Chunk } from "./chunk.js";

/** A lazily produced sequence with any number of readers, produced as far as the fastest has read. */
class Shared implements Iterable<Chunk> {
  readonly #source: Iterator<Chunk>;
  readonly #made: Chunk[] = [];

  constructor(source: Iterable<Chunk>) {
    this.#source = source[Symbol.iterator]();
  }

  *[Symbol.iterator](): Generator<Chunk, void, undefined> {
    for (let index = 0; ; index++) {
      let chunk = this.#made[index];
      if (chunk === undefined) {
        const next = this.#source.next();
        if (next.done === true) return;
        chunk = next.value;
        this.#made.push(chunk);
      }
      yield chunk;
    }
  }
}

/** The slices of the newest requested step. */
export class SharedChunks {
  #step = 0;
  readonly #slices = new Map<string, { readonly vector: Float32Array; readonly chunks: Shared }>();

  /**
   * @param vector the slice, which must not change during this step
   * @param make produces its chunks, which may be views of it
   */
  of(step: number, offset: number, vector: Float32Array, make: () => Iterable<Chunk>): Iterable<Chunk> {
    if (step !== this.#step) this.clear();
    this.#step = step;
    const key = `${offset}:${vector.length}`;
    const known = this.#slices.get(key);
    if (known?.vector.buffer === vector.buffer && known.vector.byteOffset === vector.byteOffset) return known.chunks;
    const chunks = new Shared(make());
    this.#slices.set(key, { vector, chunks });
    return chunks;
  }

  clear(): void {
    this.#slices.clear();
  }
}
