import { describe, expect, it } from "vitest";
import { suggestRate } from "../../../src/tune/index.js";
import type { CurvePoint } from "../../../src/tune/index.js";

/** One step per half decade from 1e-6. */
const curve = (...losses: readonly number[]): CurvePoint[] =>
  losses.map((loss, index) => {
    return { step: index + 1, learningRate: 10 ** (-6 + index / 2), loss, smoothedLoss: loss };
  });

describe("the suggestion of a range test", () => {
  it("is a tenth of the rate from which on the loss rises", () => {
    // Falls fastest to step 6 (10^-3.5), lowest at step 8 (10^-2.5).
    const found = suggestRate(curve(5, 5, 4.9, 4.5, 3.9, 2.5, 1.9, 1.7, 4, 9), 10 ** -1.5, 10);
    expect(found.rule).toBe("tenth");
    expect(found.steepest).toBeCloseTo(10 ** -3.5, 12);
    expect(found.turn).toBeCloseTo(10 ** -2.5, 12);
    expect(found.learningRate).toBe(3.2e-4);
    expect(found.reason).toContain("diverges");
  });

  it("is the steepest fall where the loss does not rise again", () => {
    const found = suggestRate(curve(5, 5, 4.9, 4.5, 3.9, 2.5, 1.9, 1.7, 1.6, 1.6), undefined, 10);
    expect(found).toMatchObject({ rule: "steepest", learningRate: 3.2e-4, tenth: undefined });
  });

  it("does not take the noise of the first steps for a fall", () => {
    const found = suggestRate(curve(9, 5, 5, 4.9, 3, 2.9, 2.8, 2.7, 2.7, 6), 1, 10);
    expect(found.steepest).toBeCloseTo(10 ** -4, 12);
  });

  it.each([
    ["the loss does not fall", curve(5, 5, 5, 5, 5, 4.9, 5, 5, 5, 5), undefined, "raise --to"],
    ["the loss only rises", curve(5, 5, 5, 6, 7, 30), 1, "did not fall"],
    ["the first steps diverge", curve(5), 1e-6, "--from"],
  ])("is none, with what to do, where %s", (_, points, divergedAt, words) => {
    const found = suggestRate(points, divergedAt, 10);
    expect(found.learningRate).toBeUndefined();
    expect(found.reason).toContain(words);
  });
});
