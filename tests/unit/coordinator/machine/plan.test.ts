import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../../src/collective/index.js";
import { planRanges, proportionalParts } from "../../../../src/coordinator/machine/plan.js";
import { shardIndex } from "../../../../src/ids.js";

const shards = (...indices: number[]) => indices.map(shardIndex);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => shardIndex(index));

describe("assigning shards", () => {
  it("gives equal workers equal, contiguous parts", () => {
    const workers = ["a", "b"].map((worker) => ({ worker, speed: 3, outstanding: 0 }));
    expect(planRanges(upTo(8), workers)).toEqual([
      { worker: "a", first: 0, count: 4 },
      { worker: "b", first: 4, count: 4 },
    ]);
  });

  it("gives a worker with a quarter of the speed a quarter of the work, so that all finish together", () => {
    const speeds = { fast: 4, faster: 4, slow: 1 };
    const workers = Object.entries(speeds).map(([worker, speed]) => ({ worker, speed, outstanding: 0 }));
    expect(planRanges(upTo(18), workers).map(({ count }) => count)).toEqual([8, 8, 2]);
  });

  it("counts a worker's remaining work, and skips one that has more than its share", () => {
    const workers = [
      { worker: "busy", speed: 1, outstanding: 10 },
      { worker: "a", speed: 1, outstanding: 2 },
      { worker: "b", speed: 1, outstanding: 0 },
    ];
    expect(planRanges(upTo(4), workers)).toEqual([
      { worker: "a", first: 0, count: 1 },
      { worker: "b", first: 1, count: 3 },
    ]);
  });

  it("splits a part at shards that are not to be leased", () => {
    expect(planRanges(shards(1, 2, 5), [{ worker: "a", speed: 1, outstanding: 0 }])).toEqual([
      { worker: "a", first: 1, count: 2 },
      { worker: "a", first: 5, count: 1 },
    ]);
  });

  it("assigns nothing if there are no workers", () => {
    expect(planRanges(upTo(4), [])).toEqual([]);
  });

  it("assigns every shard exactly once, whatever the speeds", () => {
    const worker = fc.record({
      worker: fc.uuid(),
      speed: fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
      outstanding: fc.nat(20),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(200), { maxLength: 80 }),
        fc.array(worker, { minLength: 1 }),
        (some, workers) => {
          const wanted = shards(...some.sort((a, b) => a - b));
          const given = planRanges(wanted, workers).flatMap(({ first, count }) =>
            Array.from({ length: count }, (_, index) => first + index),
          );
          expect(given).toEqual(wanted);
        },
      ),
    );
  });
});

describe("integer parts of a total", () => {
  it("add up, and follow the weights to within one", () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (total, weights) => {
          const parts = proportionalParts(total, weights);
          const sum = weights.reduce((a, b) => a + b, 0);
          expect(parts.reduce((a, b) => a + b, 0)).toBe(total);
          parts.forEach((part, index) => {
            expect(Math.abs(part - (total * weights[index]!) / sum)).toBeLessThan(1);
          });
        },
      ),
    );
  });

  it("are merged into runs if they are adjacent", () => {
    expect(runsOf(shards(0, 1, 3, 4, 5, 9))).toEqual([
      { first: 0, count: 2 },
      { first: 3, count: 3 },
      { first: 9, count: 1 },
    ]);
  });
});
