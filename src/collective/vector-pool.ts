/** The buffers that vectors lie in, used again and again. Knows nothing of what is in them. */

/** Vectors to be used again for each length; slices of the flat gradient come and go in a few lengths. */
const lengthsKept = 4;

/**
 * Vectors for reuse: allocating tens of MB a shard costs more than it looks. One that somebody holds (it is being sent)
 * is not given out again before they are done, so that no reader sees a mixture of two uses.
 */
export class VectorPool {
  /** The free vectors of a length, the length that was asked for last at the end. */
  readonly #free = new Map<number, Float32Array[]>();
  readonly #made = new WeakSet<Float32Array>();
  /** Who reads from a buffer, and the vector that waits for them. */
  readonly #holds = new Map<ArrayBufferLike, { readers: number; given: Float32Array | undefined }>();

  /** @param size elements of a whole gradient */
  constructor(readonly size: number) {}

  /** Contents are left over from an earlier use. */
  take(length = this.size): Float32Array {
    const free = this.#free.get(length) ?? [];
    this.#free.delete(length);
    this.#free.set(length, free);
    this.#forgetLengths();
    const vector = free.pop() ?? new Float32Array(length);
    this.#made.add(vector);
    return vector;
  }

  /**
   * The vector, as it was taken, is needed no more. It is reused as soon as nobody holds it. One from elsewhere is left to
   * the garbage collector: the pool does not grow by what others bring.
   */
  give(vector: Float32Array): void {
    if (!this.#made.has(vector)) return;
    const hold = this.#holds.get(vector.buffer);
    if (hold !== undefined) hold.given = vector;
    // Of a length that was not asked for in a long time: left to the garbage collector.
    else this.#free.get(vector.length)?.push(vector);
  }

  /**
   * Keeps a vector, or the one that this is a part of, from being given out again.
   * @returns ends that; calls after the first do nothing
   */
  hold({ buffer }: Float32Array): () => void {
    const hold = this.#holds.get(buffer) ?? { readers: 0, given: undefined };
    this.#holds.set(buffer, hold);
    hold.readers++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--hold.readers > 0) return;
      this.#holds.delete(buffer);
      if (hold.given !== undefined) this.give(hold.given);
    };
  }

  #forgetLengths(): void {
    for (const length of this.#free.keys()) {
      if (this.#free.size <= lengthsKept) return;
      if (length !== this.size) this.#free.delete(length);
    }
  }
}
