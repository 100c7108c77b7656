/** These tests protect: being told that a run was harmed, and figures that mean what they say. */
import { createColors } from "picocolors";
import { describe, expect, it } from "vitest";
import { Capacity } from "../../../src/chaos/capacity.js";
import { calmPlan } from "../../../src/chaos/plan.js";
import { compareSteps, exitCodeOf, summarize } from "../../../src/chaos/report.js";
import type { ChaosReport } from "../../../src/chaos/report.js";
import { chaosTable } from "../../../src/cli/chaos/table.js";

const line = (step: number, more: object = {}): Record<string, unknown> => ({
  step,
  epoch: step / 10,
  loss: 5 / step,
  grad_norm: 1,
  learning_rate: 0.1,
  tokens: 100 + step,
  supervised_tokens: 40 + step,
  tokens_per_second: Math.PI * step,
  step_seconds: 1 / step,
  workers: 2,
  ...more,
});
const run = [line(1), line(2), { step: 2, eval_loss: 3 }, line(3)];

describe("two runs", () => {
  it("are equal if only times, workers and positions of evaluations differ", () => {
    const other = [line(1, { workers: 1 }), line(2, { step_seconds: 9, tokens_per_second: 1 }), line(3)];
    expect(compareSteps(run, [...other, { step: 2, eval_loss: 3 }])).toBeUndefined();
  });

  it.each([
    ["a step that is missing", [line(1), line(3)], { step: 2, key: "step", reference: 2, disturbed: 3 }],
    ["a step that was committed twice", [line(1), line(2), line(2), line(3)], { step: 3, key: "step", disturbed: 2 }],
    ["a step at the end that is missing", [line(1), line(2)], { step: 3, key: "step", disturbed: null }],
    ["a step too many", [line(1), line(2), line(3), line(4)], { step: 4, key: "step", reference: null, disturbed: 4 }],
    ["samples that were not used", [line(1), line(2, { tokens: 90 })], { step: 2, key: "tokens", disturbed: 90 }],
    [
      "a loss in its last digit",
      [line(1), line(2, { loss: 2.5 + 2 ** -51 })],
      { step: 2, key: "loss", reference: 2.5 },
    ],
    ["an evaluation that is missing", [line(1), line(2), line(3)], { step: 2, key: "step", reference: 2 }],
  ])("differ by %s", (_what, disturbed, difference) => {
    expect(compareSteps(run, disturbed)).toMatchObject(difference);
  });
});

describe("times of recovery", () => {
  it("are measured from each fault to the next commit", () => {
    const faults = [
      { fault: "freeze", seconds: 1 },
      { fault: "kill-worker", seconds: 2 },
      { fault: "freeze", seconds: 3.5 },
      { fault: "freeze", seconds: 8 },
    ] as const;
    expect(summarize(faults, [0, 1.5, 2.5, 4.5, 9.5])).toEqual([
      { fault: "kill-worker", count: 1, recovery: { median: 0.5, maximum: 0.5 } },
      { fault: "freeze", count: 3, recovery: { median: 1, maximum: 1.5 } },
    ]);
  });

  it("have the mean of the middle two as median, and exclude faults after the last commit", () => {
    const faults = [0, 10, 20, 30].map((seconds) => ({ fault: "cut", seconds }) as const);
    expect(summarize(faults, [1, 12, 23])).toEqual([{ fault: "cut", count: 4, recovery: { median: 2, maximum: 3 } }]);
    expect(summarize([{ fault: "cut", seconds: 30 }], [1])).toEqual([{ fault: "cut", count: 1, recovery: null }]);
  });
});

describe("the capacity", () => {
  it("is the available share of the workers over time", () => {
    const capacity = new Capacity();
    capacity.change(0, 1);
    capacity.change(10, 0.5);
    capacity.change(14, 0);
    capacity.change(16, 1);
    // 6 s of all, 4 s of half, 2 s of none, 4 s of all.
    expect(capacity.between(4, 20)).toBe(6 + 2 + 0 + 4);
    expect(capacity.between(11, 13)).toBe(1);
  });
});

const report: ChaosReport = {
  seed: 7,
  workers: 3,
  plan: calmPlan,
  failure: null,
  adapter: { equal: true, reference: "ab".repeat(32), disturbed: "ab".repeat(32) },
  steps: { expected: 8, committed: 8, usedOnce: true, firstDifference: null, again: 0 },
  seconds: { reference: 60, disturbed: 100 },
  capacitySeconds: 75,
  goodput: 0.8,
  faults: [
    { fault: "kill-worker", count: 12, recovery: { median: 1.25, maximum: 12.5 } },
    { fault: "corrupt", count: 1, recovery: null },
  ],
  resynchronised: 0,
  surprises: [],
  folder: "out",
};
const harmed: ChaosReport = {
  ...report,
  adapter: { equal: false, reference: "ab".repeat(32), disturbed: "cd".repeat(32) },
  steps: {
    ...report.steps,
    usedOnce: false,
    firstDifference: { step: 3, key: "loss", reference: 1.5, disturbed: 1.25 },
  },
};

describe("the report", () => {
  it("determines the exit code: 0 unharmed, 1 harmed, 5 not finished", () => {
    expect(exitCodeOf(report)).toBe(0);
    expect(exitCodeOf(harmed)).toBe(1);
    expect(exitCodeOf({ ...report, adapter: harmed.adapter })).toBe(1);
    expect(exitCodeOf({ ...report, steps: harmed.steps })).toBe(1);
    expect(exitCodeOf({ ...report, failure: "no step was committed for 300 s" })).toBe(5);
  });

  it("is a table of what happened and what it cost", () => {
    const text = chaosTable(report, createColors(false));
    for (const part of [
      "seed 7, 3 workers",
      /kill-worker +12 +1\.25 s +12\.50 s/,
      /corrupt +1 +none followed/,
      "the same bits (sha256 abababababababab…)",
      "8 of 8, each committed once with the full batch and the same loss",
      "80.0 % (60.0 s of 75.0 s)",
      "time of the undisturbed run / ",
      "100.0 s, undisturbed 60.0 s",
    ])
      expect(text).toMatch(part);
  });

  it("names the first difference with both values", () => {
    const text = chaosTable(harmed, createColors(false));
    expect(text).toContain(`DIFFERENT BITS: sha256 ${"cd".repeat(32)}, undisturbed ${"ab".repeat(32)}`);
    expect(text).toContain("step 3, loss: 1.25; undisturbed: 1.5");
  });

  it("says why a run did not finish", () => {
    const text = chaosTable(
      { ...report, failure: "no step was committed for 300 s", goodput: null },
      createColors(false),
    );
    expect(text).toContain("failed: no step was committed for 300 s");
    expect(text).not.toContain("goodput");
  });
});
