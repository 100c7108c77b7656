/** The sums that this worker has computed and the coordinator may still want, and the buffers they lie in. */
import type { TreeNode } from "../collective/index.js";

const keyOf = (step: number, node: TreeNode): string => `${step}:${node.first}:${node.count}`;

/** Gradient vectors for reuse: allocating tens of MB a shard costs more than it looks. */
export class VectorPool {
  readonly #free: Float32Array[] = [];

  /** @param size elements of every vector */
  constructor(readonly size: number) {}

  /** Contents are left over from an earlier use. */
  take(): Float32Array {
    return this.#free.pop() ?? new Float32Array(this.size);
  }

  give(vector: Float32Array): void {
    this.#free.push(vector);
  }
}

export class Contributions {
  readonly #held = new Map<string, { step: number; vector: Float32Array }>();

  constructor(readonly pool: VectorPool) {}

  put(step: number, node: TreeNode, vector: Float32Array): void {
    this.#held.set(keyOf(step, node), { step, vector });
  }

  get(step: number, node: TreeNode): Float32Array | undefined {
    return this.#held.get(keyOf(step, node))?.vector;
  }

  /** Lets go of everything of steps up to `step`: they are final. */
  release(step: number): void {
    for (const [key, held] of this.#held) {
      if (held.step > step) continue;
      this.#held.delete(key);
      this.pool.give(held.vector);
    }
  }
}
