/** These tests protect: earlier runs to compare with, which cost neither the run nor its page much. */
import { describe, expect, it } from "vitest";
import { earlierCurves, lossCurves } from "../../../src/live-page/browser/curves.js";
import { earlierRun, LiveRecord } from "../../../src/live-page/index.js";
import { noPast } from "../../support/live-run.js";

const curve = (length: number, value = (step: number): number => step) =>
  Array.from({ length }, (_, index) => ({ step: index + 1, value: value(index + 1) }));

describe("an earlier run", () => {
  it("ends where this run ends, so that its curve has the whole width", () => {
    const { training } = earlierRun({ name: "a", training: curve(1000), evaluation: [] }, 50);
    expect(training.length).toBe(50);
    expect(training.at(-1)).toEqual([50, 50]);
  });

  it("is thinned to means over neighbouring steps", () => {
    const { training } = earlierRun({ name: "a", training: curve(1200), evaluation: [] }, 2000);
    expect(training.length).toBe(300);
    // Four steps each: the first is (1 + 2 + 3 + 4) / 4.
    expect(training[0]).toEqual([4, 2.5]);
    expect(training.at(-1)).toEqual([1200, 1198.5]);
  });

  it("has a name without control characters and of bounded length", () => {
    const { name } = earlierRun({ name: `a\u001b[2J${"b".repeat(300)}`, training: [], evaluation: [] }, 1);
    expect(name.length).toBe(60);
    // eslint-disable-next-line no-control-regex -- that is what must not be there
    expect(name).not.toMatch(/[\u0000-\u001f]/);
  });

  it("is drawn behind this run, over the steps of both", () => {
    const earlier = [{ name: "a", training: [[1, 3] as const, [3, 2] as const], evaluation: [[2, 4] as const] }];
    const steps = [{ step: 1, steps: 1, loss: 5, learningRate: 0, gradNorm: 0, tokensPerSecond: 0 }];
    const data = lossCurves({ status: undefined as never, steps, evaluations: [], events: [], earlier });
    expect(data).toEqual({
      steps: [1, 2, 3],
      values: [
        [3, null, 2],
        [null, 4, null],
        [5, null, null],
        [null, null, null],
      ],
    });
    expect(earlierCurves(earlier).map(({ label, group, behind }) => [label, group, behind])).toEqual([
      ["a", "a", true],
      ["a, evaluation", "a", true],
    ]);
  });

  it("is in every snapshot, and in one update", () => {
    const record = new LiveRecord(noPast, ({ time, event }) => ({ time, event, details: {} }));
    record.takeUpdate();
    expect(record.snapshot().earlier).toBeUndefined();
    const runs = [{ name: "a", training: [[1, 3] as const], evaluation: [] }];
    record.earlier(runs);
    expect(record.takeUpdate()!.earlier).toEqual(runs);
    expect(record.takeUpdate()).toBeUndefined();
    expect(record.snapshot().earlier).toEqual(runs);
  });
});
