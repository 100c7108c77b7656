import { describe, expect, it } from "vitest";
import { RangeTest } from "../../../src/tune/index.js";

const rules = { smoothing: 0.5, divergence: 4 };

describe("the curve of a range test", () => {
  it("is an exponential mean with bias correction", () => {
    const test = new RangeTest(rules);
    test.add(1, 0.1, 4);
    test.add(2, 0.2, 1);
    // By hand: 0.5 * 4 = 2, / 0.5 = 4; 0.5 * 2 + 0.5 * 1 = 1.5, / 0.75 = 2.
    expect(test.points.map(({ smoothedLoss }) => smoothedLoss)).toEqual([4, 2]);
    expect(test.divergedAt).toBeUndefined();
  });

  it("ends where the smoothed loss exceeds four times its lowest value, and takes no step after that", () => {
    const test = new RangeTest(rules);
    [1, 1, 1, 100, 1].forEach((loss, index) => test.add(index + 1, index + 1, loss));
    expect(test.divergedAt).toBe(4);
    expect(test.points.map(({ loss }) => loss)).toEqual([1, 1, 1, 100]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("ends at a loss of %d, which is not a point", (loss) => {
    const test = new RangeTest(rules);
    test.add(1, 0.1, 2);
    test.add(2, 0.2, loss);
    expect(test.divergedAt).toBe(0.2);
    expect(test.points).toHaveLength(1);
  });
});
