/** A pool of reusable vectors. Does not know their contents. */

/** Lengths for which vectors are kept; slices of the flat gradient have only a few lengths. */
const lengthsKept = 4;

/**
 * Reuses vectors, because allocating tens of MB per shard is expensive. A vector with a hold (it is being sent) is not
 * reused until the hold ends, so that no reader sees a mixture of two uses.
 */
export class VectorPool {
  /** The free vectors of each length, the most recently requested length last. */
  readonly #free = new Map<number, Float32Array[]>();
  readonly #made = new WeakSet<Float32Array>();
  /** The readers of a buffer, and the vector that waits for them. */
  readonly #holds = new Map<ArrayBufferLike, { readers: number; given: Float32Array | undefined }>();

  /** @param size elements of a whole gradient */
  constructor(readonly size: number) {}

  /** The contents are undefined. */
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
   * Returns a vector to the pool. It is reused as soon as nobody holds it. A vector from elsewhere is left to the
   * garbage collector, so that the pool does not grow.
   */
  give(vector: Float32Array): void {
    if (!this.#made.has(vector)) return;
    const hold = this.#holds.get(vector.buffer);
    if (hold !== undefined) hold.given = vector;
    // A length that was not requested recently is left to the garbage collector.
    else this.#free.get(vector.length)?.push(vector);
  }

  /**
   * Prevents the reuse of a vector, or of the one that this is a view of.
   * @returns ends the hold; idempotent
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
