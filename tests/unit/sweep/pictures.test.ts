/** These tests protect: pictures of a sweep that can be read. */
import { describe, expect, it } from "vitest";
import { drawSvg } from "../../../src/plots/index.js";
import { parallelCoordinates } from "../../../src/sweep/index.js";
import { emptySweep, trialStatus } from "../../support/live-sweep.js";

const draw = async (count: number, width = 900, best = 0): Promise<string> => {
  const schedulers = ["linear", "a-scheduler-with-a-very-long-name-indeed"];
  const trials = Array.from({ length: count }, (_, trial) =>
    trialStatus(trial, {
      settings: {
        "training.learning_rate": 10 ** (-2 - trial),
        "training.lr_scheduler_type": schedulers[trial % 2],
        "lora.r": 8,
      },
      value: trial + 1,
      state: "completed",
    }),
  );
  const warnings: string[] = [];
  const specification = parallelCoordinates({ ...emptySweep, trials, best }, width);
  const svg = await drawSvg(specification, (text) => warnings.push(text));
  expect(warnings).toEqual([]);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  return svg;
};

describe("parallel coordinates", () => {
  it("draw the best thick, and over the others", async () => {
    const svg = await draw(4, 900, 2);
    const widths = [...svg.matchAll(/aria-roledescription="line mark"[^>]*stroke-width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect([...widths].sort()).toEqual([1.5, 1.5, 1.5, 4]);
    const colours = [...svg.matchAll(/aria-roledescription="line mark"[^>]*stroke="([^"]+)"/g)].map(
      ([, colour]) => colour,
    );
    // Trial 0 has the lowest loss: it is the darkest, and the last that is drawn.
    expect(colours.at(-1)).toBe("rgb(8, 48, 107)");
  });

  it("have labels that do not reach the next axis", async () => {
    const texts = [...(await draw(2)).matchAll(/<text[^>]*>([^<]+)</g)].map(([, text]) => text!);
    // (900 - 40) / 4 axes, less a gap of 14, at 7 pixels a character: 28.
    expect(texts).toContain("a-scheduler-with-a-very-lon…");
    const narrow = [...(await draw(2, 390)).matchAll(/<text[^>]*>([^<]+)</g)].map(([, text]) => text!);
    expect(narrow.filter((text) => text.startsWith("a-sch")).map((text) => text.length)).toEqual([10, 10]);
  });

  it("are drawn for one trial, and for none with a result", async () => {
    expect(await draw(1)).toContain("eval_loss");
    expect(await draw(0)).toContain("<svg");
  });
});
