/** Keeps the sums that this worker has computed and others may still pull. */
import type { TreeNode, VectorPool } from "../../collective/index.js";

const keyOf = (step: number, node: TreeNode): string => `${step}:${node.first}:${node.count}`;

export class Contributions {
  readonly #held = new Map<string, { step: number; vector: Float32Array }>();

  constructor(readonly pool: VectorPool) {}

  /** Takes ownership of a vector from the pool. A node that is put again has the same bits: the newer vector is kept. */
  put(step: number, node: TreeNode, vector: Float32Array): void {
    const before = this.get(step, node);
    if (before !== undefined && before !== vector) this.pool.give(before);
    this.#held.set(keyOf(step, node), { step, vector });
  }

  get(step: number, node: TreeNode): Float32Array | undefined {
    return this.#held.get(keyOf(step, node))?.vector;
  }

  /** Releases everything of steps up to `step`, which are final. Readers retain what they still read (see the pool). */
  release(step: number): void {
    for (const [key, held] of this.#held) {
      if (held.step > step) continue;
      this.#held.delete(key);
      this.pool.give(held.vector);
    }
  }
}
