import { describe, expect, it } from "vitest";
import { checkRamp, rampRate } from "../../../src/tune/index.js";

describe("the ramp of a range test", () => {
  it("starts at the first rate, ends at the last, and stays there", () => {
    const rate = rampRate({ from: 1e-7, to: 1e-1, steps: 100 });
    expect(rate(1)).toBe(1e-7);
    expect(rate(100)).toBe(1e-1);
    expect(rate(101)).toBe(1e-1);
  });

  it("passes each decade in equally many steps", () => {
    const rate = rampRate({ from: 1e-6, to: 1e-2, steps: 41 });
    for (const [step, expected] of [
      [11, 1e-5],
      [21, 1e-4],
      [31, 1e-3],
    ] as const)
      expect(rate(step)).toBeCloseTo(expected, 12);
  });

  it.each([
    [{ from: 0, to: 1, steps: 100 }, "--from 0"],
    [{ from: -1, to: 1, steps: 100 }, "--from -1"],
    [{ from: 1e-2, to: 1e-2, steps: 100 }, "--to 0.01"],
    [{ from: 1e-7, to: 1e-1, steps: 9 }, "--steps 9"],
    [{ from: 1e-7, to: 1e-1, steps: 1e9 }, "--steps 1000000000"],
  ])("refuses %j with the flag that is wrong", (ramp, flag) => {
    expect(() => checkRamp(ramp)).toThrow(flag);
  });
});
