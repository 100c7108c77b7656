/** These tests protect: a page that follows a sweep in bounded memory, and tells strangers no more than it should. */
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { updated } from "../../../../src/sweep/page/browser/store.js";
import { mostCurves, rankedTrials, trialsDrawn } from "../../../../src/sweep/page/choose.js";
import type { SweepSnapshot } from "../../../../src/sweep/page/messages.js";
import { LiveSweep, trialStatus } from "../../../support/live-sweep.js";

const curve = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ step: from + index, value: from + index }));

describe("the order of trials", () => {
  it("has those of the furthest rung first, then the better ones", () => {
    const trials = [
      trialStatus(0, { rung: 0, value: 0.1 }),
      trialStatus(1, { rung: 1, value: 0.5 }),
      trialStatus(2, { rung: 1, value: 0.4 }),
      trialStatus(3),
      trialStatus(4, { rung: 0, state: "diverged" }),
    ];
    expect(rankedTrials({ trials, metric: "eval_loss" }).map(({ trial }) => trial)).toEqual([2, 1, 0]);
    expect(rankedTrials({ trials, metric: "exact_match" }).map(({ trial }) => trial)).toEqual([1, 2, 0]);
  });

  it("draws the four best and those in training, twelve at most", () => {
    const done = Array.from({ length: 6 }, (_, trial) =>
      trialStatus(trial, { rung: 0, value: trial, state: "paused" }),
    );
    const running = Array.from({ length: 20 }, (_, index) => trialStatus(index + 6, { state: "training" }));
    const drawn = trialsDrawn({ trials: [...done, ...running], metric: "eval_loss" });
    expect(drawn.slice(0, 6)).toEqual([0, 1, 2, 3, 6, 7]);
    expect(drawn.length).toBe(mostCurves);
  });
});

describe("the record of a sweep", () => {
  it("has the past of a trial from its folder, and then its steps", async () => {
    const sweep = new LiveSweep([trialStatus(0, { state: "training", step: 3 })], {
      past: () => Promise.resolve(curve(1, 4)),
    });
    sweep.record.snapshot();
    // Before the past has been read: step 4 is in both.
    sweep.record.step(0, 4, 40);
    await setImmediate();
    sweep.record.step(0, 5, 50);
    const points = [1, 2, 3].map((step) => [step, step]);
    expect(sweep.record.snapshot().curves).toEqual([{ trial: 0, points: [...points, [4, 40], [5, 50]] }]);
  });

  it("shows steps again that a trial repeats", async () => {
    let past = curve(1, 5);
    const sweep = new LiveSweep([trialStatus(0, { state: "training" })], { past: () => Promise.resolve(past) });
    sweep.record.snapshot();
    await setImmediate();
    past = curve(1, 3);
    sweep.record.step(0, 3, 30);
    await setImmediate();
    expect(sweep.record.snapshot().curves[0]!.points).toEqual([
      [1, 1],
      [2, 2],
      [3, 30],
    ]);
  });

  it("keeps at most 200 points per trial, and no curve that is not drawn", async () => {
    const sweep = new LiveSweep([trialStatus(0, { state: "training" }), trialStatus(1)]);
    sweep.record.snapshot();
    await setImmediate();
    for (let step = 1; step <= 10_000; step++) {
      sweep.record.step(0, step, 1);
      sweep.record.step(1, step, 1);
    }
    const { curves } = sweep.record.snapshot();
    expect(curves.map(({ trial }) => trial)).toEqual([0]);
    expect(curves[0]!.points.length).toBeLessThanOrEqual(200);
    sweep.change({ trials: [trialStatus(0, { state: "diverged" }), trialStatus(1)] });
    expect(sweep.record.snapshot().curves).toEqual([]);
  });

  it("tells what has changed, from which a page gets what a snapshot has", async () => {
    const sweep = new LiveSweep([trialStatus(0, { state: "training" }), trialStatus(1)]);
    let shown: SweepSnapshot = sweep.record.snapshot();
    const follow = (): number => {
      const update = sweep.record.takeUpdate(false);
      if (update !== undefined) shown = JSON.parse(JSON.stringify(updated(shown, update))) as SweepSnapshot;
      return update?.trials?.length ?? 0;
    };
    follow();
    await setImmediate();
    for (let step = 1; step <= 450; step++) {
      sweep.record.step(0, step, 1 / step);
      if (step === 300) sweep.change({ trials: [sweep.status.trials[0]!, trialStatus(1, { state: "training" })] });
      if (step === 301) await setImmediate();
      if (step > 301) sweep.record.step(1, step - 301, Number.NaN);
      if (step % 20 === 1) follow();
    }
    sweep.change({ trials: [trialStatus(0, { state: "diverged" }), sweep.status.trials[1]!] });
    expect(follow()).toBe(1);
    expect(follow()).toBe(0);
    expect(sweep.record.takeUpdate(false)).toBeUndefined();
    sweep.record.finish("stopped");
    follow();
    expect(shown.status.state).toBe("stopped");
    expect(shown).toEqual(JSON.parse(JSON.stringify(sweep.record.snapshot())));
  });

  it("shows reasons and paths on this machine, but neither to the network", () => {
    const trial = trialStatus(0, {
      settings: { "data.train": "/secret/data.jsonl", "lora.r": 8 },
      state: "failed",
      reason: "no /secret/data.jsonl",
    });
    const told = (audience: "machine" | "network"): string =>
      JSON.stringify(new LiveSweep([trial], { audience }).record.snapshot());
    expect(told("machine")).toContain("no /secret/data.jsonl");
    expect(told("network")).not.toContain("secret");
    expect(told("network")).toContain('"sweep":"sweep","model":"model"');
  });
});
