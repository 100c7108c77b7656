/** The sums that this worker has computed and others may still want, and the buffers that vectors lie in. */
import type { TreeNode } from "../collective/index.js";

const keyOf = (step: number, node: TreeNode): string => `${step}:${node.first}:${node.count}`;

/** Vectors to be used again for each length; slices of the flat gradient come and go in a few lengths. */
const lengthsKept = 4;

/**
 * Vectors for reuse: allocating tens of MB a shard costs more than it looks. One that somebody holds (it is being sent)
 * is not given out again before they are done, so that no reader sees a mixture of two uses.
 */
export class VectorPool {
  /** The free vectors of a length, the length that was asked for last at the end. */
  readonly #free = new Map<number, Float32Array[]>();
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
    return free.pop() ?? new Float32Array(length);
  }

  /** The vector, as it was taken, is needed no more. It is reused as soon as nobody holds it. */
  give(vector: Float32Array): void {
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

export class Contributions {
  readonly #held = new Map<string, { step: number; vector: Float32Array }>();

  constructor(readonly pool: VectorPool) {}

  /** Takes a vector of the pool. The same node put again has the same bits: the newer one is kept. */
  put(step: number, node: TreeNode, vector: Float32Array): void {
    const before = this.get(step, node);
    if (before !== undefined && before !== vector) this.pool.give(before);
    this.#held.set(keyOf(step, node), { step, vector });
  }

  get(step: number, node: TreeNode): Float32Array | undefined {
    return this.#held.get(keyOf(step, node))?.vector;
  }

  /** Lets go of everything of steps up to `step`: they are final. Who still reads from it holds it, see the pool. */
  release(step: number): void {
    for (const [key, held] of this.#held) {
      if (held.step > step) continue;
      this.#held.delete(key);
      this.pool.give(held.vector);
    }
  }
}
