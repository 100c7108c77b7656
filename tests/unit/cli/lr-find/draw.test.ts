import { describe, expect, it } from "vitest";
import { drawCurve } from "../../../../src/cli/lr-find/draw.js";
import { RangeTest, rampRate, rangeTestRules, type Ramp } from "../../../../src/tune/index.js";

function points(ramp: Ramp, lossOf: (rate: number) => number): RangeTest["points"] {
  const test = new RangeTest(rangeTestRules);
  const rateOf = rampRate(ramp);
  for (let step = 1; step <= ramp.steps; step++) test.add(step, rateOf(step), lossOf(rateOf(step)));
  return test.points;
}

const none = { suggested: undefined, steepest: undefined };

describe("the drawing of a range test", () => {
  it.each([
    [
      "a usual curve",
      { from: 1e-7, to: 1e-1, steps: 100 },
      (rate: number) => 5 - Math.log10(1 + rate * 1e5) + rate * 50,
    ],
    ["a constant loss", { from: 1e-7, to: 1e-1, steps: 30 }, () => 2],
    ["huge losses", { from: 1e-7, to: 1e-1, steps: 30 }, (rate: number) => rate * 1e30],
    ["less than a decade", { from: 1e-3, to: 5e-3, steps: 30 }, () => 1],
    ["30 decades", { from: 1e-20, to: 1e10, steps: 10_000 }, () => 1],
  ])("of %s fits into 80 columns of plain characters", (_, ramp, lossOf) => {
    const drawn = drawCurve(points(ramp, lossOf), ramp, { suggested: ramp.from, steepest: ramp.to });
    for (const line of drawn.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(drawn).toMatch(/^[\n\x20-\x7e]+$/);
    expect(drawn).toContain("*");
  });

  it("labels each decade under its tick", () => {
    const ramp = { from: 1e-4, to: 1e-2, steps: 20 };
    const lines = drawCurve(
      points(ramp, () => 1),
      ramp,
      none,
    ).split("\n");
    const ticks = lines.find((line) => line.includes("+-")) ?? "";
    const labels = lines.find((line) => line.includes("1e-3")) ?? "";
    const middle = labels.indexOf("1e-3") + 2;
    expect(ticks[middle]).toBe("+");
  });

  it("marks the suggested rate, also where no step lies", () => {
    const ramp = { from: 1e-4, to: 1e-2, steps: 20 };
    const drawn = drawCurve(
      points(ramp, () => 1),
      ramp,
      { suggested: 1e-3, steepest: undefined },
    );
    expect(drawn.trimEnd().split("\n").at(-1)).toMatch(/^ +\^$/);
  });

  it("leaves out a mark outside of the ramp", () => {
    const ramp = { from: 1e-2, to: 1e-1, steps: 20 };
    expect(
      drawCurve(
        points(ramp, () => 1),
        ramp,
        { suggested: 1e-4, steepest: undefined },
      ),
    ).not.toContain("^");
  });
});
