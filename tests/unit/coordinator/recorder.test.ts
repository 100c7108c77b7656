/** What a user loses if these fail: metrics that tell how a run ended, and whether workers come and go. */
import { beforeEach, describe, expect, it } from "vitest";
import { RunRecorder } from "../../../src/coordinator/recorder.js";
import { CoxswainError } from "../../../src/errors.js";
import { stepNumber } from "../../../src/ids.js";
import { createCoordinatorMetrics, createLogger } from "../../../src/telemetry/index.js";
import { parseExposition } from "../telemetry/exposition.js";

const ignore = (): void => undefined;

describe("what a run exports", () => {
  let metrics = createCoordinatorMetrics("test");
  let recorder: RunRecorder;

  beforeEach(() => {
    metrics = createCoordinatorMetrics("test");
    recorder = new RunRecorder({
      files: {
        committing: ignore,
        appendMetrics: ignore,
        appendEvent: ignore,
        rewind: ignore,
        flush: ignore,
        close: ignore,
      },
      metrics,
      view: { step: ignore, note: ignore, waiting: ignore },
      logger: createLogger({ name: "test", level: "silent" }).logger,
      totalSteps: 2,
      loggingSteps: 1,
      factsOf: () => ({ tokens: 2, epoch: 1 }),
      tokensPerShard: 1,
      wallClock: () => 0,
    });
  });

  const series = async (name: string): Promise<Record<string, number>> =>
    Object.fromEntries(parseExposition(await metrics.text()).get(`coxswain_${name}`)!.series);
  const worker = { id: "a", host: "h", pid: 1 };

  it("counts workers that are lost apart from those that said that they leave, and not those that go at the end", async () => {
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

  it("says nothing of how it ended while it goes on, and then one thing", async () => {
    const outcomes = async () => Object.values(await series("run_outcome"));
    expect(await outcomes()).toEqual([0, 0, 0]);
    recorder.finished({ kind: "failed", error: new CoxswainError("storage", "the disk is full") });
    expect(await series("run_outcome")).toEqual({
      'coxswain_run_outcome{outcome="completed"}': 0,
      'coxswain_run_outcome{outcome="failed"}': 1,
      'coxswain_run_outcome{outcome="stopped"}': 0,
    });
  });

  it("counts a step that was not applied because it is no number", async () => {
    recorder.notFinite(stepNumber(2));
    expect(await series("nonfinite_steps_total")).toEqual({ coxswain_nonfinite_steps_total: 1 });
  });
});
