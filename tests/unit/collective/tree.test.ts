import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  children,
  contains,
  cover,
  isNode,
  parent,
  root,
  sameNode,
  sibling,
  type TreeNode,
} from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { shardIndex } from "../../../src/ids.js";

const node = (first: number, count: number): TreeNode => ({ first: shardIndex(first), count });

function allNodes(current: TreeNode): TreeNode[] {
  return [current, ...(children(current) ?? []).flatMap(allNodes)];
}

const shardCounts = fc.integer({ min: 1, max: 150 });

describe("the reduction tree has the same shape for every cluster", () => {
  it("splits at the largest power of two below the count", () => {
    // Drawn by hand: [0,7) = [0,4)+[4,7), [4,7) = [4,6)+[6,7); a power of two splits in the middle.
    expect(children(root(7))).toEqual([node(0, 4), node(4, 3)]);
    expect(children(node(4, 3))).toEqual([node(4, 2), node(6, 1)]);
    expect(children(root(8))).toEqual([node(0, 4), node(4, 4)]);
    expect(children(root(9))).toEqual([node(0, 8), node(8, 1)]);
    expect(children(root(1))).toBeUndefined();
    expect(children(root(2))).toEqual([node(0, 1), node(1, 1)]);
    expect(children(root(2 ** 40 + 1))).toEqual([node(0, 2 ** 40), node(2 ** 40, 1)]);
  });

  it("has every shard as a leaf once, in order", () => {
    fc.assert(
      fc.property(shardCounts, (shards) => {
        const leaves = allNodes(root(shards)).filter(({ count }) => count === 1);
        expect(leaves.map(({ first }) => first)).toEqual(Array.from({ length: shards }, (_, index) => index));
        expect(allNodes(root(shards))).toHaveLength(2 * shards - 1);
      }),
    );
  });

  it("rejects a step without shards", () => {
    for (const shards of [0, -1, 1.5, Number.NaN, Infinity]) expect(() => root(shards)).toThrow(CoxswainError);
  });
});

describe("ranges from peers are checked", () => {
  it("recognises exactly the nodes, parents and siblings of the tree", () => {
    fc.assert(
      fc.property(shardCounts, (shards) => {
        const nodes = allNodes(root(shards));
        const found: TreeNode[] = [];
        for (let first = -1; first <= shards; first++) {
          for (let count = 0; count <= shards + 1; count++) {
            if (isNode(node(first, count), shards)) found.push(node(first, count));
          }
        }
        const inOrder = (a: TreeNode, b: TreeNode): number => a.first - b.first || a.count - b.count;
        expect(found).toEqual(nodes.toSorted(inOrder));
        for (const above of nodes) {
          const halves = children(above);
          if (halves === undefined) continue;
          expect(sibling(halves[0], shards)).toEqual(halves[1]);
          expect(sibling(halves[1], shards)).toEqual(halves[0]);
          for (const half of halves) expect(parent(half, shards)).toEqual(above);
        }
        expect(parent(root(shards), shards)).toBeUndefined();
        expect(sibling(root(shards), shards)).toBeUndefined();
      }),
      { numRuns: 20 },
    );
  });

  it("does not accept impossible numbers as a node", () => {
    const odd = [Number.NaN, Infinity, -Infinity, 0.5, -1, 2 ** 53, 2 ** 32];
    for (const value of odd) {
      expect(isNode(node(value, 1), 8)).toBe(false);
      expect(isNode(node(0, value), 8)).toBe(false);
      expect(isNode(node(value, value), 8)).toBe(false);
    }
    expect(() => parent(node(1, 2), 8)).toThrow("[1, 3)");
  });

  it("distinguishes overlapping from disjoint nodes", () => {
    expect(contains(node(0, 4), node(2, 2))).toBe(true);
    expect(contains(node(2, 2), node(2, 2))).toBe(true);
    expect(contains(node(2, 2), node(0, 4))).toBe(false);
    expect(contains(node(0, 2), node(2, 2))).toBe(false);
    expect(sameNode(node(2, 2), node(2, 2))).toBe(true);
    expect(sameNode(node(2, 2), node(2, 1))).toBe(false);
  });
});

describe("a lease becomes as few contributions as the tree allows", () => {
  it("covers a lease with aligned nodes", () => {
    expect(cover(shardIndex(1), 6, 7)).toEqual([node(1, 1), node(2, 2), node(4, 3)]);
    expect(cover(shardIndex(0), 7, 7)).toEqual([node(0, 7)]);
    expect(cover(shardIndex(3), 2, 8)).toEqual([node(3, 1), node(4, 1)]);
    expect(cover(shardIndex(5), 0, 8)).toEqual([]);
  });

  it("covers exactly the range, in order, with the fewest nodes", () => {
    const ranges = shardCounts.chain((shards) =>
      fc.tuple(fc.constant(shards), fc.nat(shards - 1), fc.nat(shards)).map(([all, first, count]) => ({
        shards: all,
        first,
        count: Math.min(count, all - first),
      })),
    );
    fc.assert(
      fc.property(ranges, ({ shards, first, count }) => {
        const nodes = cover(shardIndex(first), count, shards);
        const covered = nodes.flatMap((part) => Array.from({ length: part.count }, (_, index) => part.first + index));
        expect(covered).toEqual(Array.from({ length: count }, (_, index) => first + index));
        for (const part of nodes) {
          expect(isNode(part, shards)).toBe(true);
          const above = parent(part, shards);
          // Maximal: its parent sticks out of the range.
          if (above !== undefined) expect(contains(node(first, count), above)).toBe(false);
        }
      }),
    );
  });

  it("rejects a lease beyond the step", () => {
    expect(() => cover(shardIndex(6), 3, 8)).toThrow("[6, 9)");
    expect(() => cover(shardIndex(-1), 1, 8)).toThrow(CoxswainError);
    expect(() => cover(shardIndex(0), -1, 8)).toThrow(CoxswainError);
  });
});
