import { describe, expect, it } from "vitest";
import { lossWarning } from "../../../../src/coordinator/record/loss-trend.js";

const steps = (losses: readonly number[], norms: readonly number[] = []) =>
  losses.map((loss, index) => ({ loss, grad_norm: norms[index] ?? 1 }));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe("a run that learns nothing", () => {
  it("is reported, with both figures, if its loss stays above the initial loss", () => {
    expect(lossWarning(steps([2.31, ...times(59, 7.62)], [1, ...times(59, 0)]))).toMatch(
      /^the loss is 7\.62 at the end \(mean of 15 steps\), above the 2\.31 at the beginning: this run has learnt nothing\. The gradient was exactly 0 in the last 59 steps\. Try a lower training\.learning_rate/,
    );
    expect(lossWarning(steps([2, 3, 4, 5, 6]))).toContain("has learnt nothing");
  });

  it("is reported if its loss stops changing, even below the initial loss", () => {
    expect(lossWarning(steps([6.43, ...times(19, 6.24)], [2, ...times(19, 0)]))).toContain(
      "nothing changes it any more",
    );
  });

  it.each([
    ["learns", [5, 4, 3, 2, 1, 0.5]],
    ["has losses that vary from batch to batch around the initial loss", [2, 2.4, 1.7, 2.3, 1.8, 2.2, 1.9, 2.1]],
    ["begins with an easy batch", [6.44, 6.37, 6.41, 6.32, 6.46, 6.48, 6.48, 6.45, 6.49, 6.44]],
    ["has too few steps to tell", [1, 2, 3, 4]],
    ["has no steps", []],
  ])("is not reported if it %s", (_, losses) => {
    expect(lossWarning(steps(losses))).toBeUndefined();
  });

  it("is not reported if the data are memorised: there is no gradient left", () => {
    expect(lossWarning(steps([2, ...times(9, 0.0001)], [1, ...times(9, 0)]))).toBeUndefined();
  });
});
