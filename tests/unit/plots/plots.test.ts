/** Without this, a picture of runs may be wrong, unreadable, or absent. */
import { describe, expect, it } from "vitest";
import type { Curve } from "../../../src/history/index.js";
import { drawPng, drawSvg, plotSpecification, type PlottedRun } from "../../../src/plots/index.js";
import { smoothed } from "../../../src/plots/smoothing.js";
import { fittingNames } from "../../../src/plots/specification.js";
import { thinned } from "../../../src/plots/thin.js";

const curve = (...values: readonly (number | null)[]): Curve =>
  values.map((value, index) => ({ step: index + 1, value }));
const valuesOf = (points: Curve) => points.map(({ value }) => value);

function run(name: string, loss: Curve, evaluation: Curve = []): PlottedRun {
  const curves = {
    loss,
    eval_loss: evaluation,
    eval_exact_match: [],
    learning_rate: loss,
    grad_norm: loss,
    tokens_per_second: loss,
  };
  return { name, curves };
}

async function drawn(runs: readonly PlottedRun[], options: Partial<Parameters<typeof plotSpecification>[1]> = {}) {
  const warnings: string[] = [];
  const specification = plotSpecification(runs, { width: 900, log: false, smoothing: 0, ...options });
  return { svg: await drawSvg(specification, (text) => warnings.push(text)), warnings };
}

describe("smoothing", () => {
  it("is TensorBoard's moving average, corrected at the beginning", () => {
    // By hand: 1 / (1 - 0.5) * 0.5; (0.5 * 0.5 + 0.5 * 3) / (1 - 0.25); (1.75 * 0.5 + 0.5 * 2) / (1 - 0.125).
    expect(valuesOf(smoothed(curve(1, 3, 2), 0.5))).toEqual([1, 1.75 / 0.75, 1.875 / 0.875]);
  });

  it("passes over values that are not finite, and leaves a constant as it is", () => {
    expect(valuesOf(smoothed(curve(1, null, 3), 0.5))).toEqual([1, null, 1.75 / 0.75]);
    expect(valuesOf(smoothed(curve(0.1, 0.1, 0.1), 0.9))).toEqual([0.1, 0.1, 0.1]);
  });
});

describe("a long curve is thinned", () => {
  it("to the limit, with its ends, peaks and gaps", () => {
    const values: (number | null)[] = Array.from({ length: 100_000 }, (_, index) => Math.sin(index));
    values[41_234] = 50;
    values[70_007] = -50;
    values[90_001] = null;
    const points = thinned(curve(...values), 500);
    expect(points.length).toBeLessThanOrEqual(500);
    expect(valuesOf(points)).toEqual(expect.arrayContaining([50, -50, null]));
    expect(points[0]?.step).toBe(1);
    expect(points.at(-1)?.step).toBe(100_000);
    expect(points.every(({ step }, index) => index === 0 || step > (points[index - 1]?.step ?? 0))).toBe(true);
  });
});

describe("the picture", () => {
  const names = (svg: string): readonly string[] => ["one", "two"].filter((name) => svg.includes(`>${name}</text>`));

  it("names every run, with a panel per recorded figure", async () => {
    const { svg, warnings } = await drawn([run("one", curve(3, 2, 1)), run("two", curve(3, 1, null, 1), curve(2))]);
    expect(names(svg)).toEqual(["one", "two"]);
    for (const title of ["Training loss", "Evaluation loss", "Learning rate", "Gradient norm", "Throughput"])
      expect(svg).toContain(`>${title}`);
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(warnings).toEqual([]);
  });

  it("has no panel for an evaluation that no run has", async () => {
    expect((await drawn([run("one", curve(2, 1))])).svg).not.toContain("Evaluation");
  });

  it("draws runs with different dashes", async () => {
    const { svg } = await drawn([run("one", curve(3, 2, 1)), run("two", curve(2, 1, 1))]);
    expect(svg).toContain('stroke-dasharray="7,3"');
  });

  it.each([360, 390, 900, 1600])("of %i pixels is not wider than asked for", async (width) => {
    const long = "a-run-with-a-very-long-name-that-does-not-fit-into-narrow-pictures";
    const runs = Array.from({ length: 9 }, (_, index) => run(`${long}-${index}`, curve(3, 2, 1), curve(1, 2)));
    const { svg } = await drawn(runs, { width, smoothing: 0.9 });
    expect(Number(/width="(\d+)"/.exec(svg)?.[1])).toBeLessThanOrEqual(width);
  });

  it.each([
    ["a single step", curve(2)],
    ["equal values", curve(1, 1, 1)],
    ["values of 0", curve(0, 0)],
    ["values of 0 among others", curve(0, 1, 0)],
    ["nothing finite", curve(null, null)],
    ["very large values", curve(1e30, 1e-30)],
  ])("of %s has finite coordinates, linear or logarithmic", async (_, points) => {
    for (const log of [false, true]) {
      const { svg, warnings } = await drawn([run("one", points), run("two", curve(1, 2, 3))], { log });
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(warnings).toEqual([]);
    }
  });

  it("shows names with characters of XML as they are", async () => {
    expect((await drawn([run("a<b>&\"'", curve(2, 1)), run("ü", curve(1, 2))])).svg).toContain("a&lt;b&gt;&amp;");
  });

  it("is drawn as PNG, twice as fine", async () => {
    const { svg } = await drawn([run("one", curve(3, 2, 1))]);
    const png = Buffer.from(await drawPng(svg));
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect(png.readUInt32BE(16)).toBe(2 * Number(/width="(\d+)"/.exec(svg)?.[1]));
  });
});

describe("names that do not fit", () => {
  it("are shortened in the middle, unless they would become the same", () => {
    expect(fittingNames(["short", "a-long-name-of-a-run-1"], 10)).toEqual(["short", "a-l…-run-1"]);
    expect(fittingNames(["abcdefgh-1-zyxwvutsrq", "abcdefgh-2-zyxwvutsrq"], 9)).toEqual([
      "abcdefgh-1-zyxwvutsrq",
      "abcdefgh-2-zyxwvutsrq",
    ]);
  });
});
