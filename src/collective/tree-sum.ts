/**
 * Sums contributions along the canonical tree, in whatever order and grouping they come: two siblings are added
 * (`left + right`) as soon as both are there. Knows no worker, step or wire.
 *
 * In bfloat16 every node's value is rounded: a leaf's is bf16(gradient), any other's bf16(left + right), added in f32. So
 * a sum that travelled as bfloat16 is the sum that was sent, and grouping changes no bit here either.
 *
 * Ownership: a vector that `add` accepted belongs to the sum, which writes into it, until `take` gives it out or
 * `release` gets it back. A vector that `add` refused stays the caller's.
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
  /** What nodes' values are rounded to. Vectors are of f32 in any case. Default: "float32". */
  readonly precision?: VectorDtype;
  /** Gets every vector that is needed no more, for reuse. Default: it is left to the garbage collector. */
  readonly release?: (vector: Float32Array) => void;
}

export class TreeSum {
  readonly #root: TreeNode;
  readonly #release: (vector: Float32Array) => void;
  readonly #rounded: boolean;
  /** The sums held, by first shard: nodes that don't overlap, no two of them siblings. */
  readonly #held = new Map<ShardIndex, { readonly node: TreeNode; readonly vector: Float32Array }>();

  /** @param shards shards of the whole tree */
  constructor(shards: number, options: TreeSumOptions = {}) {
    this.#root = root(shards);
    this.#release = options.release ?? (() => undefined);
    this.#rounded = options.precision === "bfloat16";
  }

  /**
   * Takes the sum of a node's shards. In bfloat16 a leaf is rounded here; sums of more come rounded, as this class or
   * the wire made them.
   * @returns false, and takes nothing, when all of its shards are there already; a node of which only a part is there
   * replaces that part
   * @throws CoxswainError "bug" when it is not a node of this tree, or its vector is not as long as the others
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

  /** Whether the sum of exactly this node is held, ready to be taken. */
  has(node: TreeNode): boolean {
    const part = this.#held.get(node.first);
    return part !== undefined && sameNode(part.node, node);
  }

  /**
   * Gives out a held node's sum, which the caller owns from then on; its shards are missing again.
   * @throws CoxswainError "bug" when it is not held
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
   * The sum of a node's sibling, where it is held: a caller who has both may add them up elsewhere, and `add` the parent.
   * It is the tree's, and only read.
   */
  partner(node: TreeNode): Float32Array | undefined {
    const other = sibling(node, this.#root.count);
    return other !== undefined && this.has(other) ? this.#held.get(other.first)?.vector : undefined;
  }

  /** Whether all shards of a node are in one held sum: `add` would refuse it. */
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

  /** Whether every shard is in the one sum. */
  get complete(): boolean {
    return this.has(this.#root);
  }

  /**
   * The sum over all shards; it stays the tree's (`take` the root to keep it).
   * @throws CoxswainError "bug" when it is not complete
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
      throw new CoxswainError("bug", `shards ${describeNode(node)} are no node of the tree of ${shards} shards`);
    }
    // All that are held are of one length.
    const [other] = this.#held.values();
    if (other !== undefined && other.vector.length !== vector.length)
      throw new CoxswainError("bug", `a vector of ${vector.length} elements among vectors of ${other.vector.length}`);
  }

  #parts(): { readonly node: TreeNode; readonly vector: Float32Array }[] {
    return [...this.#held.values()].sort((a, b) => a.node.first - b.node.first);
  }

  /** Adds up siblings from `node` upwards for as long as both are there. */
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
