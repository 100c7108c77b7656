/** These tests protect: a table that is in the order that its reader asked for, and curves that can be told apart. */
import { describe, expect, it } from "vitest";
import { trialCurves } from "../../../../src/sweep/page/browser/curves.js";
import { ordered, rungProgress, type Column } from "../../../../src/sweep/page/browser/table.js";
import type { ShownTrial } from "../../../../src/sweep/page/messages.js";
import { trialStatus } from "../../../support/live-sweep.js";

const shown = (trial: number, more: Partial<ShownTrial> = {}): ShownTrial => ({
  ...trialStatus(trial),
  settings: [],
  ...more,
});

describe("the table of trials", () => {
  const trials = [
    shown(0, { value: 0.5, state: "pruned", settings: ["0.002", "linear"] }),
    shown(1, { state: "training", settings: ["1e-5", "cosine"] }),
    shown(2, { value: 0.25, state: "completed", settings: ["0.01", "constant"] }),
    shown(3, { value: 0.5, state: "diverged", settings: ["0.002", "cosine"] }),
  ];
  const order = (by: Column, isDescending = false): readonly number[] =>
    ordered(trials, { by, isDescending }).map(({ trial }) => trial);

  it.each<[Column, readonly number[], readonly number[]]>([
    ["trial", [0, 1, 2, 3], [3, 2, 1, 0]],
    // Without a value last, equal ones by number, in both orders.
    ["value", [2, 0, 3, 1], [0, 3, 2, 1]],
    ["state", [1, 2, 0, 3], [3, 0, 2, 1]],
    // Numbers as numbers, words as words.
    [0, [1, 0, 3, 2], [2, 0, 3, 1]],
    [1, [2, 1, 3, 0], [0, 1, 3, 2]],
  ])("is sorted by %s", (by, ascending, descending) => {
    expect(order(by)).toEqual(ascending);
    expect(order(by, true)).toEqual(descending);
  });
});

describe("the progress of a rung", () => {
  it("counts the trials that are there among those that go to it", () => {
    const trials = [
      shown(0, { rung: 0, state: "pruned" }),
      shown(1, { rung: 1, state: "paused" }),
      shown(2, { rung: 0, state: "training" }),
      shown(3, { rung: 0, state: "waiting" }),
      shown(4, { rung: 1, state: "diverged" }),
    ];
    expect(rungProgress(trials, 1)).toEqual({ there: 2, all: 4 });
  });
});

describe("the curves of trials", () => {
  it("differ by colour or dashes, and keep their look while others come and go", () => {
    const curves = (trials: readonly number[]) =>
      trialCurves(
        trials.map((trial) => ({ trial, points: [] })),
        0,
      );
    const all = curves(Array.from({ length: 25 }, (_, trial) => trial));
    expect(new Set(all.map(({ colour, dash }) => JSON.stringify([colour, dash]))).size).toBe(25);
    expect(curves([7])[0]).toEqual(all[7]);
    expect(all[0]!.width).toBeGreaterThan(all[1]!.width!);
  });
});
