import { describe, expect, it } from "vitest";
import { planProbes, type ModelSize } from "../../../src/doctor/plan.js";
import { periodOf } from "../../../src/compute/families/facts.js";
import { predict } from "../../../src/doctor/predict.js";

const model = (layers: number, parameters: number, period = 1): ModelSize => ({
  layers,
  period,
  layerParameters: parameters,
  headParameters: parameters / 10,
});

describe("the planned measurements", () => {
  it("measure a small model completely", () => {
    expect(planProbes(model(30, 1e8), 256, 2)).toMatchObject({ layers: [30], rows: [1, 2, 4] });
  });

  it("measure two shortened versions of a large model, within the time limit or with the minimum size", () => {
    expect(planProbes(model(64, 2e9), 256, 4)).toMatchObject({ layers: [8, 16], rows: [1, 2, 4] });
    expect(planProbes(model(32, 7e9), 2048, 2)).toMatchObject({ layers: [8, 16], rows: [1, 2] });
  });

  it("keep the proportion of the kinds of layers", () => {
    expect(planProbes(model(60, 7e9, 6), 1024, 2).layers).toEqual([12, 24]);
  });

  it("measure a model completely if it is not much longer", () => {
    expect(planProbes(model(24, 7e9), 1024, 2).layers).toEqual([24]);
  });
});

describe("the prediction for the whole model and other numbers of rows", () => {
  const peak = (layers: number, rows: number): number => 300 + 7 * layers + 20 * rows + 3 * layers * rows;
  const probed = [1, 2, 4];
  const measure = (layers: number) => ({
    layers,
    steps: probed.map((rows) => ({ peakBytes: peak(layers, rows), seconds: rows * (layers + 3.2) })),
  });
  // The head's work is that of 3.2 layers.
  const size = model(32, 1e9);

  it("is exact if memory is proportional to layers and rows, and time to the work", () => {
    for (const { rows, peakBytes, seconds } of predict([measure(8), measure(16)], probed, size, [1, 3, 8, 16])) {
      expect(peakBytes).toBeCloseTo(peak(32, rows), 6);
      expect(seconds).toBeCloseTo(rows * 35.2, 6);
    }
  });

  it("equals the measurement if the whole model was measured", () => {
    const [one, four] = predict([measure(32)], probed, size, [1, 4]);
    expect(one).toEqual({ rows: 1, ...measure(32).steps[0] });
    expect(four).toEqual({ rows: 4, ...measure(32).steps[2] });
  });

  it("extrapolates from the last two numbers of rows if the first deviates", () => {
    const steps = [900, 1000, 1400].map((peakBytes) => ({ peakBytes, seconds: 1 }));
    const [, eight] = predict([{ layers: 32, steps }], probed, size, [2, 8]);
    expect(eight?.peakBytes).toBe(2200);
  });
});

describe("the period of the kinds of layers", () => {
  it.each([
    ["aaaa", 1],
    ["abab", 2],
    ["ababa", 2],
    ["aabaab", 3],
    ["abcabd", 6],
    ["ab", 2],
  ])("%s: every %d layers", (kinds, period) => expect(periodOf(Array.from(kinds))).toBe(period));
});
