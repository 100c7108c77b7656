/**
 * Sums contributions along the canonical tree, in whatever order and grouping they arrive: two siblings are added
 * (`left + right`) as soon as both are available. Does not know workers, steps or the wire format.
 *
 * In bfloat16 every node's value is rounded: a leaf's is bf16(gradient), any other's bf16(left + right), added in f32.
 * So sending a sum as bfloat16 loses nothing, and grouping changes no bit here either.
 *
 * Ownership: a vector that `add` accepts belongs to the sum, which writes into it, until `take` returns it or it is
 * passed to `release`. A vector that `add` rejects stays the caller's.
 */
import { CoxswainError } from "../errors.js";
import { type ShardIndex, shardIndex } from "../ids.js";
import { addInto, addRoundedTo, roundToBf16 } from "./kernels.js";
import type { VectorDtype } from "./vector.js";
import {
  children,
  contains,
  describeNode,
  isNode,
  parent,
  root,
  sameNode,
  shardsOf,
  sibling,
  type TreeNode,
} from "./tree.js";

export interface TreeSumOptions {
  /** The precision of nodes' values. Vectors are f32 in any case. Default: "float32". */
  readonly precision?: VectorDtype;
  /** Receives every vector that is no longer needed, for reuse. Default: left to the garbage collector. */
  readonly release?: (vector: Float32Array) => void;
}

export class TreeSum {
  readonly #root: TreeNode;
  readonly #release: (vector: Float32Array) => void;
  readonly #rounded: boolean;
  /** The held sums, by first shard: nodes that don't overlap, no two of them siblings. */
  readonly #held = new Map<ShardIndex, { readonly node: TreeNode; readonly vector: Float32Array }>();

  /** @param shards shards of the whole tree */
  constructor(shards: number, options: TreeSumOptions = {}) {
    this.#root = root(shards);
    this.#release = options.release ?? (() => undefined);
    this.#rounded = options.precision === "bfloat16";
  }

  /**
   * Adds the sum of a node's shards. In bfloat16 a leaf is rounded here; larger sums are already rounded, by this class
   * or by the sender.
   * @returns false, without taking the vector, if all of its shards are already held; a node replaces held parts of
   * itself
   * @throws CoxswainError "bug" if it is not a node of this tree, or its vector's length differs from the others'
   */
  add(node: TreeNode, vector: Float32Array): boolean {
    this.#check(node, vector);
    if (this.covers(node)) return false;
    for (const shard of shardsOf(node)) {
      const part = this.#held.get(shard)?.node;
      if (part !== undefined) this.#release(this.take(part));
    }
    if (this.#rounded && node.count === 1) roundToBf16(vector);
    this.#held.set(node.first, { node, vector });
    this.#fold(node);
    return true;
  }

  /** Whether the sum of exactly this node is held. */
  has(node: TreeNode): boolean {
    const part = this.#held.get(node.first);
    return part !== undefined && sameNode(part.node, node);
  }

  /**
   * Removes and returns a held node's sum, which the caller then owns; its shards are missing again.
   * @throws CoxswainError "bug" if it is not held
   */
  take(node: TreeNode): Float32Array {
    const part = this.#held.get(node.first);
    if (part === undefined || !sameNode(part.node, node)) {
      throw new CoxswainError("bug", `the sum of shards ${describeNode(node)} is not held`);
    }
    this.#held.delete(node.first);
    return part.vector;
  }

  /**
   * The sum of a node's sibling, if held: a caller with both may add them elsewhere, and `add` the parent. The tree
   * still owns it; treat it as read-only.
   */
  partner(node: TreeNode): Float32Array | undefined {
    const other = sibling(node, this.#root.count);
    return other !== undefined && this.has(other) ? this.#held.get(other.first)?.vector : undefined;
  }

  /** Whether all shards of a node are in one held sum, so that `add` would reject it. */
  covers(node: TreeNode): boolean {
    let current: TreeNode | undefined = this.#root;
    for (; current !== undefined; current = children(current)?.find((child) => contains(child, node)))
      if (this.has(current)) return contains(current, node);
    return false;
  }

  /** The nodes held, in order of their shards. */
  nodes(): TreeNode[] {
    return this.#parts().map(({ node }) => node);
  }

  covered(shard: ShardIndex): boolean {
    return this.covers({ first: shard, count: 1 });
  }

  /** The shards that are not in any held sum, ascending. */
  missing(): ShardIndex[] {
    const missing: ShardIndex[] = [];
    let next = 0;
    for (const { node } of this.#parts()) {
      for (; next < node.first; next++) missing.push(shardIndex(next));
      next = node.first + node.count;
    }
    for (; next < this.#root.count; next++) missing.push(shardIndex(next));
    return missing;
  }

  /** Whether one sum holds every shard. */
  get complete(): boolean {
    return this.has(this.#root);
  }

  /**
   * The sum over all shards; the tree still owns it (`take` the root to keep it).
   * @throws CoxswainError "bug" if it is not complete
   */
  result(): Float32Array {
    const part = this.#held.get(this.#root.first);
    if (part !== undefined && this.complete) return part.vector;
    throw new CoxswainError("bug", `the sum is not complete: ${this.missing().length} shards are missing`);
  }

  /** Releases every vector: the step is over or abandoned. */
  clear(): void {
    for (const { node } of this.#held.values()) this.#release(this.take(node));
  }

  #check(node: TreeNode, vector: Float32Array): void {
    if (!isNode(node, this.#root.count)) {
      const shards = this.#root.count;
      throw new CoxswainError("bug", `shards ${describeNode(node)} are not a node of the tree of ${shards} shards`);
    }
    // All held vectors have the same length.
    const [other] = this.#held.values();
    if (other !== undefined && other.vector.length !== vector.length)
      throw new CoxswainError("bug", `a vector of ${vector.length} elements among vectors of ${other.vector.length}`);
  }

  #parts(): { readonly node: TreeNode; readonly vector: Float32Array }[] {
    return [...this.#held.values()].sort((a, b) => a.node.first - b.node.first);
  }

  /** Adds siblings from `node` upwards while both are held. */
  #fold(node: TreeNode): void {
    const above = parent(node, this.#root.count);
    const halves = above && children(above);
    if (above === undefined || !halves?.every((half) => this.has(half))) return;
    const sum = this.take(halves[0]);
    const addend = this.take(halves[1]);
    if (this.#rounded) addRoundedTo(sum, sum, addend);
    else addInto(sum, addend);
    this.#release(addend);
    this.#held.set(above.first, { node: above, vector: sum });
    this.#fold(above);
  }
}
