/**
 * The sums of one step that several workers compute: kept until they are accepted, and compared bit for bit. Does not
 * decide who computes them or who is right.
 */
import { TreeSum, bytesOf, sameNode } from "../../collective/index.js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import type { WorkerId } from "../machine/index.js";

interface Candidate {
  readonly worker: WorkerId;
  readonly node: TreeNode;
  readonly vector: Float32Array;
}

export class Trials {
  readonly #shards: number;
  readonly #dtype: VectorDtype;
  readonly #release: (vector: Float32Array) => void;
  /** Complete sums, in the order in which they were completed. */
  #candidates: Candidate[] = [];
  /** Incomplete ones, by worker and node. */
  readonly #sums = new Map<string, TreeSum>();

  /** @param release receives vectors that are no longer needed */
  constructor(shards: number, dtype: VectorDtype, release: (vector: Float32Array) => void) {
    this.#shards = shards;
    this.#dtype = dtype;
    this.#release = release;
  }

  /** Keeps a worker's sum of a node. */
  keep(worker: WorkerId, node: TreeNode, vector: Float32Array): void {
    this.#candidates.push({ worker, node, vector });
  }

  /** Removes and returns a kept sum. */
  take(worker: WorkerId, node: TreeNode): Float32Array | undefined {
    const found = this.#candidates.find((kept) => kept.worker === worker && sameNode(kept.node, node));
    this.#candidates = this.#candidates.filter((kept) => kept !== found);
    return found?.vector;
  }

  /**
   * Adds a part of a sum that a worker computes.
   * @returns once it is complete, the other workers whose sums of that node have the same bits
   */
  add(worker: WorkerId, whole: TreeNode, part: TreeNode, vector: Float32Array): WorkerId[] | undefined {
    const key = `${whole.first}:${whole.count} ${worker}`;
    const sum = this.#sums.get(key) ?? new TreeSum(this.#shards, { precision: this.#dtype, release: this.#release });
    this.#sums.set(key, sum);
    if (!sum.add(part, vector)) this.#release(vector);
    if (!sum.has(whole)) return undefined;
    this.#sums.delete(key);
    const complete = sum.take(whole);
    const bytes = bytesOf(complete);
    const same = this.#candidates
      .filter(({ node, vector: other }) => sameNode(node, whole) && Buffer.compare(bytesOf(other), bytes) === 0)
      .map(({ worker: other }) => other);
    this.#candidates.push({ worker, node: whole, vector: complete });
    return same;
  }

  /** Gives all vectors back. */
  close(): void {
    for (const { vector } of this.#candidates) this.#release(vector);
    for (const sum of this.#sums.values()) sum.clear();
    this.#candidates = [];
    this.#sums.clear();
  }
}
