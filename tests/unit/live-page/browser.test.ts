/** These tests protect: figures on the page that are right, and readable. */
import { describe, expect, it } from "vitest";
import { lossCurves, stepCurve } from "../../../src/live-page/browser/curves.js";
import { shownCurves } from "../../../src/live-page/browser/shown-curves.js";
import { clock, details, duration, figure, words } from "../../../src/live-page/browser/format.js";
import { updated, type Shown } from "../../../src/live-page/browser/store.js";
import type { ShownStatus, StepPoint } from "../../../src/live-page/messages.js";

const status: ShownStatus = {
  run: "r",
  model: "m",
  version: "1",
  state: "training",
  detail: null,
  step: 0,
  totalSteps: 10,
  epoch: null,
  secondsPerStep: null,
  secondsLeft: null,
  checkpoint: null,
  workers: [],
};

const point = (step: number, loss: number): StepPoint => ({
  step,
  steps: 1,
  loss,
  learningRate: step / 10,
  gradNorm: 1,
  tokensPerSecond: 100,
});

const shown: Shown = { status, steps: [point(1, 3), point(2, 2)], evaluations: [], events: [] };
const time = "2026-01-01T00:00:00.000Z";
const event = (id: number) => ({ id, time, event: "worker_joined", details: {} });

describe("an update", () => {
  it("replaces the end of a curve, and is idempotent", () => {
    const update = { status: { ...status, step: 3 }, steps: { from: 1, points: [point(2, 2.5), point(3, 1)] } };
    const once = updated(shown, update);
    expect(once.steps.map(({ loss }) => loss)).toEqual([3, 2.5, 1]);
    expect(once.status.step).toBe(3);
    expect(updated(once, update)).toEqual(once);
  });

  it("adds events once, and keeps the newest 100", () => {
    const first = updated(shown, { status, events: [event(1), event(2)] });
    expect(updated(first, { status, events: [event(2), event(3)] }).events.map(({ id }) => id)).toEqual([1, 2, 3]);
    const many = updated(first, { status, events: Array.from({ length: 150 }, (_, index) => event(index + 3)) });
    expect([many.events.length, many.events.at(-1)!.id]).toEqual([100, 152]);
  });
});

describe("a chart", () => {
  it("shows training and evaluation loss over the steps of both", () => {
    const evaluations = [
      { step: 2, steps: 1, loss: 2.2 },
      { step: 4, steps: 1, loss: 1.9 },
    ];
    expect(lossCurves({ ...shown, evaluations })).toEqual({
      steps: [1, 2, 4],
      values: [
        [3, 2, null],
        [null, 2.2, 1.9],
      ],
    });
  });

  it("shows one value per point for anything else", () => {
    expect(stepCurve(shown, ({ learningRate }) => learningRate)).toEqual({ steps: [1, 2], values: [[0.1, 0.2]] });
  });
});

describe("a figure", () => {
  it.each([
    [null, "–"],
    [0, "0"],
    [0.5, "0.5"],
    [1.23456, "1.235"],
    [1234.5, "1,235"],
    [123456, "123,500"],
    [0.0002, "2e−4"],
    [0.00012345, "1.23e−4"],
    [3e12, "3e12"],
    [2e10, "2e10"],
    [-0.25, "-0.25"],
  ])("%s is %s", (value, text) => {
    expect(figure(value)).toBe(text);
  });
});

describe("a duration", () => {
  it.each([
    [null, "–"],
    [0, "0.0 s"],
    [0.25, "250 ms"],
    [0.9999, "1.0 s"],
    [4.25, "4.3 s"],
    [9.96, "10 s"],
    [42, "42 s"],
    [60, "1 min"],
    [185, "3 min 5 s"],
    [7800, "2 h 10 min"],
    [273_600, "3 d 4 h"],
    [86_405, "1 d"],
  ])("%s is %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe("a time", () => {
  it("is shown as clock time, with the date if it is another day", () => {
    const now = new Date(2026, 10, 26, 22, 0, 0);
    expect(clock(new Date(2026, 10, 26, 9, 8, 7), now)).toBe("09:08:07");
    expect(clock(new Date(2026, 10, 25, 9, 8, 7), now)).toBe("Nov 25, 09:08");
  });
});

describe("an event", () => {
  it("is shown as a sentence", () => {
    expect(words("worker_joined")).toBe("worker joined");
    expect(details({ worker: "a", pid: 7, shards: 3, reason: "its connection broke" })).toBe(
      "worker a, shards 3, its connection broke",
    );
  });
});

describe("the curves that the viewer chose", () => {
  const data = {
    steps: [1, 2, 3],
    values: [
      [1, 3, 0],
      [null, 5, 6],
    ],
  };

  it("are smoothed in front of the recorded ones, except for those without noise", () => {
    const { values } = shownCurves(data, { log: false, smoothing: 0.5 }, [false, true]);
    // By hand: 0.5 / 0.5; (0.25 + 1.5) / 0.75; (1.75 / 2 + 0) / 0.875.
    expect(values).toEqual([
      [1, 1.75 / 0.75, 1],
      [null, 5, 6],
      [1, 3, 0],
      [null, null, null],
    ]);
  });

  it("leave values of 0 or less out on a logarithmic axis", () => {
    const { values } = shownCurves(data, { log: true, smoothing: 0 }, [false, false]);
    expect(values.slice(0, 2)).toEqual([
      [1, 3, null],
      [null, 5, 6],
    ]);
  });
});
