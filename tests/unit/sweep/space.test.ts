import { describe, expect, it } from "vitest";
import { gridTrials, randomTrials, spaceSize, type Parameter, type Space } from "../../../src/sweep/space.js";

const rate: Parameter = { kind: "range", min: 1e-5, max: 1e-1, distribution: "log_uniform", whole: false };
const rank: Parameter = { kind: "values", values: [4, 8, 16] };

describe("a grid", () => {
  it("has every combination, the last parameter fastest", () => {
    const space: Space = new Map([
      ["a", { kind: "values", values: [1, 2] }],
      ["b", { kind: "values", values: ["x", null] }],
    ]);
    expect(gridTrials(space)).toEqual([
      { a: 1, b: "x" },
      { a: 1, b: null },
      { a: 2, b: "x" },
      { a: 2, b: null },
    ]);
  });
});

describe("random trials", () => {
  const space: Space = new Map<string, Parameter>([
    ["training.learning_rate", rate],
    ["lora.r", rank],
  ]);

  it("are the same for the same seed, and others for another", () => {
    expect(randomTrials(space, 8, 1)).toEqual(randomTrials(space, 8, 1));
    expect(randomTrials(space, 8, 1)).not.toEqual(randomTrials(space, 8, 2));
  });

  it("stay the same when trials are added", () => {
    expect(randomTrials(space, 20, 1).slice(0, 8)).toEqual(randomTrials(space, 8, 1));
  });

  it("keep a parameter's values when another parameter is added", () => {
    const alone = randomTrials(new Map([["training.learning_rate", rate]]), 8, 1);
    const both = randomTrials(space, 8, 1);
    expect(both.map((trial) => trial["training.learning_rate"])).toEqual(
      alone.map((trial) => trial["training.learning_rate"]),
    );
  });

  it("spread a logarithmic range evenly over its powers of ten", () => {
    const trials = randomTrials(new Map([["lr", rate]]), 4_000, 3);
    const decades = trials.map(({ lr }) => Math.floor(Math.log10(Number(lr))));
    for (const decade of [-5, -4, -3, -2]) {
      const share = decades.filter((each) => each === decade).length / trials.length;
      expect(share, String(decade)).toBeGreaterThan(0.22);
      expect(share, String(decade)).toBeLessThan(0.28);
    }
  });

  it("spread a uniform range evenly", () => {
    const uniform: Parameter = { ...rate, min: 0, max: 0.5, distribution: "uniform" };
    const values = randomTrials(new Map([["x", uniform]]), 400, 3).map(({ x }) => Number(x));
    expect(values.filter((value) => value < 0.25).length / values.length).toBeCloseTo(0.5, 1);
  });

  it("are whole numbers where the key takes those, the ends included", () => {
    const whole: Parameter = { kind: "range", min: 1, max: 4, distribution: "log_uniform", whole: true };
    const values = randomTrials(new Map([["r", whole]]), 4, 0).map(({ r }) => r);
    expect([...values].sort()).toEqual([1, 2, 3, 4]);
  });

  it("differ from each other", () => {
    const trials = randomTrials(new Map([["lora.r", rank]]), 3, 5);
    expect(new Set(trials.map(({ "lora.r": r }) => r)).size).toBe(3);
  });
});

describe("the size of a space", () => {
  it("is the number of combinations, infinite with a continuous range", () => {
    expect(spaceSize(new Map([["lora.r", rank]]))).toBe(3);
    expect(spaceSize(new Map([["lr", rate]]))).toBe(Infinity);
  });
});
