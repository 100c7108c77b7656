/** The sums that this worker has computed and others may still want. */
import type { TreeNode, VectorPool } from "../../collective/index.js";

const keyOf = (step: number, node: TreeNode): string => `${step}:${node.first}:${node.count}`;

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
