import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { children, cover, root, toBf16, TreeSum, type TreeNode } from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { shardIndex } from "../../../src/ids.js";
import { bitsOf, gradientLike } from "./reference.js";

const node = (first: number, count: number): TreeNode => ({ first: shardIndex(first), count });
const size = 37;
const gradientOf = (shard: number): Float32Array => gradientLike(size, shard + 1);

const nearestBf16 = (vector: Float32Array): Float32Array => {
  const halves = new Uint16Array(vector.length);
  toBf16(vector, halves);
  return new Float32Array(Uint32Array.from(halves, (half) => half * 0x10000).buffer);
};

/**
 * The definition: a leaf is its shard's gradient, any other node is left + right, element by element in f32; in bfloat16
 * each of these values is rounded.
 */
function definition(at: TreeNode, precision: "float32" | "bfloat16" = "float32"): Float32Array {
  const rounded = precision === "float32" ? (vector: Float32Array) => vector : nearestBf16;
  const halves = children(at);
  if (halves === undefined) return rounded(gradientOf(at.first));
  const [left, right] = halves.map((half) => definition(half, precision));
  return rounded(left!.map((value, index) => Math.fround(value + right![index]!)));
}

/** Cuts 0..shards-1 into contiguous ranges at the given places, and those into nodes: what workers contribute. */
function contributions(shards: number, cuts: readonly number[]): TreeNode[] {
  const bounds = [...new Set([0, shards, ...cuts.map((cut) => cut % shards)])].sort((a, b) => a - b);
  return bounds.slice(0, -1).flatMap((first, index) => cover(shardIndex(first), bounds[index + 1]! - first, shards));
}

describe("the sum's bits are independent of grouping and order", () => {
  it("differs from a sequential sum, so that the order matters at all", () => {
    const inOrder = Array.from({ length: 11 }, (_, shard) => gradientOf(shard)).reduce((sum, vector) =>
      sum.map((value, index) => Math.fround(value + vector[index]!)),
    );
    expect(bitsOf(inOrder)).not.toEqual(bitsOf(definition(root(11))));
  });

  const plans = fc.integer({ min: 1, max: 40 }).chain((shards) =>
    fc.record({
      shards: fc.constant(shards),
      // Two cuttings of the step, as when a lease went to another worker as well: overlaps and duplicates.
      cuts: fc.tuple(fc.array(fc.nat(shards)), fc.array(fc.nat(shards))),
      order: fc.infiniteStream(fc.nat()),
      precision: fc.constantFrom("float32" as const, "bfloat16" as const),
    }),
  );

  it("equals the recursive definition for random groupings, orders and duplicates", () => {
    fc.assert(
      fc.property(plans, ({ shards, cuts, order, precision }) => {
        const arriving = cuts.flatMap((places) => contributions(shards, places));
        const released: Float32Array[] = [];
        const given: Float32Array[] = [];
        const sum = new TreeSum(shards, { precision, release: (vector) => released.push(vector) });
        while (arriving.length > 0) {
          const [next] = arriving.splice(order.next().value % arriving.length, 1);
          const before = sum.missing();
          const inside = (shard: number): boolean => shard >= next!.first && shard < next!.first + next!.count;
          // Leaves come as the engine made them.
          const vector = next!.count === 1 ? gradientOf(next!.first) : definition(next!, precision);
          const accepted = sum.add(next!, vector);
          if (accepted) given.push(vector);
          // Refused exactly when nothing of it was missing.
          expect(accepted).toBe(before.some(inside));
          expect(sum.missing()).toEqual(before.filter((shard) => !inside(shard)));
        }
        expect(sum.complete).toBe(true);
        expect(bitsOf(sum.result())).toEqual(bitsOf(definition(root(shards), precision)));
        // Every vector that was taken is released once, but for the one that holds the result.
        sum.clear();
        expect(new Set(released)).toEqual(new Set(given));
        expect(released).toHaveLength(given.length);
      }),
      { numRuns: 200 },
    );
  });
});

describe("contributions are added as they arrive", () => {
  it("adds siblings immediately, and nothing else", () => {
    const sum = new TreeSum(7);
    for (const shard of [2, 4, 3, 5]) sum.add(node(shard, 1), gradientOf(shard));
    expect(sum.nodes()).toEqual([node(2, 2), node(4, 2)]);
    expect(sum.missing()).toEqual([0, 1, 6]);
    expect(sum.covered(shardIndex(3))).toBe(true);
    expect(sum.covered(shardIndex(6))).toBe(false);
    expect(sum.has(node(2, 2))).toBe(true);
    expect(sum.has(node(2, 1))).toBe(false);
    expect(sum.complete).toBe(false);
    expect(() => sum.result()).toThrow("3 shards are missing");
  });

  it("adds in place into the left vector and releases the right one", () => {
    const released: Float32Array[] = [];
    const sum = new TreeSum(2, { release: (vector) => released.push(vector) });
    const [left, right] = [Float32Array.of(1, 2), Float32Array.of(10, 20)];
    sum.add(node(1, 1), right);
    sum.add(node(0, 1), left);
    expect(sum.result()).toBe(left);
    expect([...left]).toEqual([11, 22]);
    expect(released).toEqual([right]);
  });

  it("exposes a node's sibling for adding elsewhere", () => {
    const sum = new TreeSum(4);
    const held = gradientOf(0);
    sum.add(node(0, 2), held);
    expect(sum.partner(node(2, 2))).toBe(held);
    expect(sum.partner(node(3, 1))).toBeUndefined();
    expect(sum.partner(node(0, 4))).toBeUndefined();
    expect(sum.covers(node(1, 1))).toBe(true);
    expect(sum.covers(node(0, 4))).toBe(false);
    // The parent, added up elsewhere, takes the sibling's place.
    expect(sum.add(node(0, 4), gradientOf(1))).toBe(true);
    expect(sum.complete).toBe(true);
  });

  it("transfers ownership of a taken node", () => {
    const sum = new TreeSum(4);
    const vector = gradientOf(2);
    sum.add(node(2, 1), vector);
    expect(sum.take(node(2, 1))).toBe(vector);
    expect(sum.missing()).toEqual([0, 1, 2, 3]);
    expect(() => sum.take(node(2, 1))).toThrow("[2, 3)");
    expect(sum.add(node(2, 2), gradientOf(2))).toBe(true);
  });
});

describe("a duplicate is counted once", () => {
  it("leaves a rejected vector to its owner, unchanged", () => {
    const released: Float32Array[] = [];
    const sum = new TreeSum(4, { release: (vector) => released.push(vector) });
    sum.add(node(0, 2), Float32Array.of(5));
    const late = Float32Array.of(2);
    expect(sum.add(node(0, 2), late)).toBe(false);
    expect(sum.add(node(1, 1), late)).toBe(false);
    expect([...late]).toEqual([2]);
    expect(released).toEqual([]);
    expect([...sum.take(node(0, 2))]).toEqual([5]);
  });

  it("replaces a part with the whole", () => {
    const released: Float32Array[] = [];
    const sum = new TreeSum(8, { release: (vector) => released.push(vector) });
    const part = Float32Array.of(1);
    sum.add(node(1, 1), part);
    sum.add(node(6, 1), Float32Array.of(3));
    expect(sum.add(node(0, 4), Float32Array.of(7))).toBe(true);
    expect(released).toEqual([part]);
    expect(sum.nodes()).toEqual([node(0, 4), node(6, 1)]);
  });
});

describe("invalid contributions are rejected", () => {
  it.each([node(1, 2), node(0, 3), node(7, 2), node(-1, 1), node(0, 0), node(0.5, 1)])("%j is not a node", (range) => {
    expect(() => new TreeSum(8).add(range, gradientOf(0))).toThrow(CoxswainError);
  });

  it("a vector of another length", () => {
    const sum = new TreeSum(8);
    sum.add(node(0, 1), new Float32Array(3));
    expect(() => sum.add(node(5, 1), new Float32Array(4))).toThrow("4 elements among vectors of 3");
    expect(sum.missing()).toHaveLength(7);
  });
});
