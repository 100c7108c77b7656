/**
 * The canonical binary tree over the shards of a step: every sum of gradients, wherever it is computed, is the sum
 * `left + right` of one of its nodes. Float addition is not associative; the fixed shape makes the bits of the sum
 * independent of the number of workers. Does not know gradients or workers.
 *
 * A node is a range of shards. Its left child takes the largest power of two below its count, so the left subtrees are
 * perfect and nodes are aligned:
 *
 *     [0,7) = [0,4) + [4,7)      [4,7) = [4,6) + [6,7)      [4,6) = [4,5) + [5,6)
 */
import { CoxswainError } from "../errors.js";
import { type ShardIndex, shardIndex } from "../ids.js";

/** Shards [first, first + count). Not every range is a node: see `isNode`. */
export interface TreeNode {
  readonly first: ShardIndex;
  /** At least 1; 1 is a leaf. */
  readonly count: number;
}

const node = (first: number, count: number): TreeNode => ({ first: shardIndex(first), count });

/** The largest power of two below `count`, for a count of 2 or more. */
function leftCount(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/**
 * The whole tree of a step of `shards` shards.
 * @throws CoxswainError "bug" unless `shards` is a positive whole number
 */
export function root(shards: number): TreeNode {
  if (!Number.isSafeInteger(shards) || shards < 1) {
    throw new CoxswainError("bug", `a reduction tree needs at least one shard, not ${shards}`);
  }
  return node(0, shards);
}

/** Left and right child; undefined for a leaf. */
export function children({ first, count }: TreeNode): readonly [left: TreeNode, right: TreeNode] | undefined {
  if (count < 2) return undefined;
  const left = leftCount(count);
  return [node(first, left), node(first + left, count - left)];
}

export const sameNode = (a: TreeNode, b: TreeNode): boolean => a.first === b.first && a.count === b.count;

/** Whether every shard of `inner` is one of `outer`'s; a node contains itself. */
export function contains(outer: TreeNode, inner: TreeNode): boolean {
  return outer.first <= inner.first && inner.first + inner.count <= outer.first + outer.count;
}

/** The nodes from the root down to `target`, both included; undefined when `target` is not a node of the tree. */
function pathTo(target: TreeNode, shards: number): TreeNode[] | undefined {
  let current = root(shards);
  const path = [current];
  while (!sameNode(current, target)) {
    const next = children(current)?.find((child) => contains(child, target));
    // A range that straddles both children, or lies outside the tree, is not a node.
    if (next === undefined) return undefined;
    current = next;
    path.push(current);
  }
  return path;
}

/** Whether these shards are a node of the tree of `shards` shards; false for any invalid input from a peer. */
export function isNode(candidate: TreeNode, shards: number): boolean {
  return Number.isSafeInteger(candidate.first) && candidate.count >= 1 && pathTo(candidate, shards) !== undefined;
}

function checkedPathTo(target: TreeNode, shards: number): TreeNode[] {
  const path = pathTo(target, shards);
  if (path !== undefined) return path;
  throw new CoxswainError("bug", `shards ${describeNode(target)} are not a node of the tree of ${shards} shards`);
}

/**
 * The node that `child` is half of; undefined for the root.
 * @throws CoxswainError "bug" when `child` is not a node
 */
export function parent(child: TreeNode, shards: number): TreeNode | undefined {
  return checkedPathTo(child, shards).at(-2);
}

/**
 * The other half of the parent; undefined for the root.
 * @throws CoxswainError "bug" when `child` is not a node
 */
export function sibling(child: TreeNode, shards: number): TreeNode | undefined {
  const above = parent(child, shards);
  return above && children(above)?.find((half) => !sameNode(half, child));
}

/**
 * The smallest set of nodes that covers exactly the shards [first, first + count), in order: at most about 2
 * log2(shards).
 * @throws CoxswainError "bug" if the range is not within the tree
 */
export function cover(first: ShardIndex, count: number, shards: number): TreeNode[] {
  const range = node(first, count);
  const whole = root(shards);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 0 || !contains(whole, range)) {
    throw new CoxswainError("bug", `shards ${describeNode(range)} are not within 0..${shards - 1}`);
  }
  const nodes: TreeNode[] = [];
  const visit = (current: TreeNode): void => {
    if (contains(range, current)) nodes.push(current);
    else if (current.first < first + count && first < current.first + current.count) children(current)?.forEach(visit);
  };
  visit(whole);
  return nodes;
}

/** Shards [first, first + count), ascending. */
export const shardsOf = ({ first, count }: { first: number; count: number }): ShardIndex[] =>
  Array.from({ length: count }, (_, index) => shardIndex(first + index));

/** The contiguous runs of an ascending list of shards. */
export function runsOf(shards: readonly ShardIndex[]): { first: ShardIndex; count: number }[] {
  const runs: { first: ShardIndex; count: number }[] = [];
  for (const shard of shards) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === shard) last.count++;
    else runs.push({ first: shard, count: 1 });
  }
  return runs;
}

/** "[4, 6)", for messages. */
export const describeNode = ({ first, count }: TreeNode): string => `[${first}, ${first + count})`;
