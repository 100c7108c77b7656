/** What a user loses if these fail: metrics that tell how a run ended, and whether workers come and go; what watches a run hears all of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommitEffect, MachineStatus } from "../../../../src/coordinator/machine/index.js";
import { RunRecorder, type RecorderOptions } from "../../../../src/coordinator/record/recorder.js";
import { CoxswainError } from "../../../../src/errors.js";
import { stepNumber, type StepNumber } from "../../../../src/ids.js";
import {
  createCoordinatorMetrics,
  createLogger,
  openRunFiles,
  readEvents,
  readMetrics,
  type RunListener,
} from "../../../../src/telemetry/index.js";
import { parseExposition } from "../../telemetry/exposition.js";

const ignore = (): void => undefined;

const commit = (step: StepNumber): CommitEffect => ({
  type: "commit",
  step,
  learningRate: 0.1,
  scale: 1,
  loss: 1 / step,
  gradNorm: 0.5,
  supervisedTokens: 1,
  workers: ["a"],
  slices: [],
  activeWorkers: 1,
  shards: 2,
  startedAt: 0,
  computedAt: 500,
});

const timing = { reduceSeconds: 0.1, endedAt: 1000 };

/** Of a run of two steps. */
const recorderOf = (given: Pick<RecorderOptions, "metrics" | "files" | "listeners">) =>
  new RunRecorder(optionsOf(given));

const optionsOf = ({
  metrics,
  files,
  listeners,
}: Pick<RecorderOptions, "metrics" | "files" | "listeners">): RecorderOptions => ({
  files,
  metrics,
  listeners,
  view: { step: ignore, note: ignore, waiting: ignore },
  logger: createLogger({ name: "test", level: "silent" }).logger,
  totalSteps: 2,
  loggingSteps: 1,
  factsOf: () => ({ tokens: 2, epoch: 1 }),
  tokensPerShard: 1,
  onTrouble: ignore,
  wallClock: () => 0,
});

const noFiles = {
  committing: ignore,
  appendSamples: ignore,
  appendMetrics: ignore,
  appendEvent: ignore,
  rewind: ignore,
  flush: ignore,
  unwritten: () => [],
  close: ignore,
};

describe("the metrics of a run", () => {
  let metrics = createCoordinatorMetrics("test");
  let recorder: RunRecorder;

  beforeEach(() => {
    metrics = createCoordinatorMetrics("test");
    recorder = recorderOf({ metrics, files: noFiles, listeners: [] });
  });

  const series = async (name: string): Promise<Record<string, number>> =>
    Object.fromEntries(parseExposition(await metrics.text()).get(`coxswain_${name}`)!.series);
  const worker = { id: "a", host: "h", pid: 1 };

  it("count lost workers separately from draining ones, and exclude those that leave at the end", async () => {
    recorder.left(worker, "its connection broke", "lost");
    recorder.left(worker, "its connection broke", "lost");
    recorder.left(worker, "drained", "drained");
    recorder.finished({ kind: "completed" });
    recorder.left(worker, "it closed its stream", "lost");
    expect(await series("workers_left_total")).toEqual({
      'coxswain_workers_left_total{how="drained"}': 1,
      'coxswain_workers_left_total{how="lost"}': 2,
    });
  });

  it("have no outcome during the run, and exactly one afterwards", async () => {
    const outcomes = async () => Object.values(await series("run_outcome"));
    expect(await outcomes()).toEqual([0, 0, 0]);
    recorder.finished({ kind: "failed", error: new CoxswainError("storage", "the disk is full") });
    expect(await series("run_outcome")).toEqual({
      'coxswain_run_outcome{outcome="completed"}': 0,
      'coxswain_run_outcome{outcome="failed"}': 1,
      'coxswain_run_outcome{outcome="stopped"}': 0,
    });
  });

  it("include the progress of a long evaluation, and not of a short one", () => {
    const said: (string | undefined)[] = [];
    let now = 0;
    const watched = new RunRecorder({
      ...optionsOf({ metrics, files: noFiles, listeners: [] }),
      view: { step: ignore, note: ignore, waiting: (reason) => said.push(reason) },
      wallClock: () => now,
    });
    const tell = (seconds: number, evaluated: MachineStatus["evaluated"]): void => {
      now = seconds * 1000;
      watched.status({
        phase: evaluated === undefined ? "training" : "evaluating",
        committed: stepNumber(7),
        inFlight: evaluated === undefined ? "train" : "evaluate",
        evaluated,
        workers: { loading: 0, synchronising: 0, active: 1, draining: 0 },
        speeds: new Map(),
        waiting: undefined,
        meshed: false,
        stopping: undefined,
        outcome: undefined,
        best: undefined,
      });
    };
    tell(0, { done: 0, total: 40 });
    tell(2, { done: 39, total: 40 });
    tell(10, undefined);
    tell(11, { done: 0, total: 40 });
    tell(15, { done: 10, total: 40 });
    tell(16, undefined);
    expect(said).toEqual(["evaluating after step 7: 10 of 40 shards (25 %)", undefined]);
  });

  it("count a step that was not applied because it was NaN", async () => {
    recorder.notFinite(stepNumber(2));
    expect(await series("nonfinite_steps_total")).toEqual({ coxswain_nonfinite_steps_total: 1 });
  });
});

describe("listeners of a run", () => {
  let folder = "";
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "coxswain-recorder-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Notes what it hears, and how many lines `metrics.jsonl` has by then. */
  function listener(): RunListener & { readonly heard: unknown[] } {
    const heard: unknown[] = [];
    const note = (what: unknown): void => void heard.push([what, readMetrics(folder).length]);
    return { heard, step: note, evaluation: note, event: note, rewound: note };
  }

  it("all get every line once it is in the files, and steps that are lost", () => {
    const files = openRunFiles(folder);
    const listeners = [listener(), listener()] as const;
    const recorder = recorderOf({ metrics: createCoordinatorMetrics("test"), files, listeners });
    recorder.started(0, "tiny");
    for (const step of [stepNumber(1), stepNumber(2)]) recorder.committing(commit(step), timing)();
    recorder.evaluated({ type: "evaluated", step: stepNumber(2), loss: 0.5 }, []);
    const [first, second, evaluation] = readMetrics(folder);
    expect(evaluation).toEqual({ step: 2, eval_loss: 0.5 });
    recorder.rewind(stepNumber(1));
    files.close();
    const [started, evaluated] = readEvents(folder);
    for (const { heard } of listeners)
      expect(heard).toEqual([
        [started, 0],
        [first, 1],
        [second, 2],
        [evaluation, 3],
        [evaluated, 3],
        [1, 1],
      ]);
  });

  it("do not get a step that may still be lost", () => {
    const files = openRunFiles(folder);
    const ear = listener();
    const recorder = recorderOf({ metrics: createCoordinatorMetrics("test"), files, listeners: [ear] });
    const tell = recorder.committing(commit(stepNumber(1)), timing);
    expect(ear.heard).toEqual([]);
    tell();
    expect(ear.heard).toHaveLength(1);
    files.close();
  });
});

describe("the notes of a run", () => {
  it("name workers that leave during the run, and not those that leave at its end", () => {
    const notes: string[] = [];
    const options = optionsOf({ metrics: createCoordinatorMetrics("test"), files: noFiles, listeners: [] });
    const recorder = new RunRecorder({ ...options, view: { ...options.view, note: (text) => void notes.push(text) } });
    const worker = { id: "a", host: "h", pid: 1 };
    recorder.joined(worker);
    recorder.left(worker, "its connection broke", "lost");
    recorder.joined(worker);
    recorder.finished({ kind: "completed" });
    recorder.left(worker, "it closed its stream", "lost");
    expect(notes).toEqual(["worker a joined", "worker a left: its connection broke", "worker a joined"]);
  });

  it("are in events.jsonl within limits: each that left is one that joined, and what is missing is counted", () => {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-recorder-"));
    try {
      const files = openRunFiles(folder);
      const recorder = recorderOf({ metrics: createCoordinatorMetrics("test"), files, listeners: [] });
      for (let index = 0; index < 100; index++) {
        recorder.joined({ id: "a", host: "h", pid: 1 });
        recorder.left({ id: "a", host: "h", pid: 1 }, `\u001b[2J\n${"x".repeat(10_000)}`, "lost");
      }
      recorder.finished({ kind: "completed" });
      files.close();
      const events = readEvents(folder);
      const count = (name: string): number => events.filter(({ event }) => event === name).length;
      expect([count("worker_joined"), count("worker_left")]).toEqual([60, 60]);
      expect(events.slice(-2)).toMatchObject([{ event: "events_omitted", count: 40 }, { event: "run_finished" }]);
      expect(events[1]?.["reason"]).toMatch(/^\uFFFD\[2J x{1,2000}…$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
