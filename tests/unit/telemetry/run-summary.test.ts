/** Without this, how a finished run went can only be pieced together from its files by hand. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createColors } from "picocolors";
import { describe, expect, it } from "vitest";
import { summaryText } from "../../../src/cli/status/summary.js";
import { readRunSummary, type RunSummary } from "../../../src/telemetry/index.js";
import { temporaryFolder } from "../model/helpers.js";

const stepLine = (step: number) => ({
  step,
  epoch: step / 10,
  loss: 3 - step,
  grad_norm: 0.5,
  learning_rate: 1e-3,
  tokens: 100,
  supervised_tokens: 50,
  tokens_per_second: 1,
  step_seconds: 2,
  workers: 1,
});
const at = (second: number): string => `2026-11-30T12:00:0${second}.000Z`;

function folderOf(events: readonly object[], lines: readonly object[] = []): string {
  const folder = temporaryFolder();
  const text = (objects: readonly object[]): string => objects.map((each) => `${JSON.stringify(each)}\n`).join("");
  writeFileSync(join(folder, "events.jsonl"), text(events));
  writeFileSync(join(folder, "metrics.jsonl"), text(lines));
  return folder;
}

const started = { time: at(0), event: "run_started", step: 0, total_steps: 4, model: "some/base" };
const saved = { time: at(2), event: "checkpoint_saved", step: 2, path: "/moved/away/checkpoints/step-000002" };

describe("a run is summarised from its folder", () => {
  it("if complete: loss, evaluation, checkpoint in the folder's current location, adapter", () => {
    const folder = folderOf(
      [
        started,
        saved,
        { time: at(2), event: "best_model", step: 2, metric: "exact_match", value: 0.75 },
        { time: at(4), event: "run_finished" },
        { time: at(5), event: "worker_left", worker: "w" },
      ],
      [stepLine(1), stepLine(2), { step: 2, eval_loss: 1.5, eval_exact_match: 0.75 }],
    );
    mkdirSync(join(folder, "checkpoints", "step-000002"), { recursive: true });
    mkdirSync(join(folder, "adapter"));
    const summary = readRunSummary(folder, false);
    expect(summary).toEqual({
      output_dir: folder,
      model: "some/base",
      state: "completed",
      detail: null,
      error_code: null,
      step: 2,
      total_steps: 4,
      epoch: 0.2,
      loss: 1,
      learning_rate: 1e-3,
      grad_norm: 0.5,
      tokens: 200,
      seconds: 4,
      tokens_per_second: 50,
      evaluation: { step: 2, eval_loss: 1.5, eval_exact_match: 0.75 },
      best: { metric: "exact_match", step: 2, value: 0.75 },
      checkpoint: { step: 2, path: join(folder, "checkpoints", "step-000002"), time: at(2) },
      adapter: join(folder, "adapter"),
      started_at: at(0),
      ended_at: at(4),
    } satisfies RunSummary);
    expect(summaryText(summary!, createColors(false), Date.parse(at(9)))).toBe(
      [
        "completed",
        "step 2/4  epoch 0.20  loss 1.0000",
        "model   some/base",
        `folder  ${folder}`,
        "pace    200 tokens in 4s, 50 tok/s",
        "eval    loss 1.5000, exact match 75.0 % after step 2; best: exact_match 75.0 % after step 2",
        "saved   step 2: checkpoints/step-000002",
        "adapter adapter",
        `ended   ${at(4)}, 5s ago`,
      ].join("\n"),
    );
  });

  it.each([
    ["stopped", { event: "run_stopped", reason: "interrupted" }, "interrupted"],
    ["failed", { event: "run_failed", error: "the loss is NaN" }, "the loss is NaN"],
  ])("if it %s: why, and how to continue", (state, event, detail) => {
    const summary = readRunSummary(folderOf([started, { time: at(3), ...event }], [stepLine(1)]), false)!;
    expect(summary).toMatchObject({ state, detail, step: 1, checkpoint: null, adapter: null, ended_at: at(3) });
    const text = summaryText(summary, createColors(false), Date.parse(at(4)));
    expect(text).toContain(`${state}: ${detail}`);
    expect(text).toContain("--resume starts at step 0");
  });

  it("if it diverged: that --resume would diverge again, and how to start another run", () => {
    const failed = { time: at(3), event: "run_failed", error: "step 3: the loss is NaN", code: "diverged" };
    const folder = folderOf([started, saved, failed], [stepLine(2)]);
    expect(summaryText(readRunSummary(folder, false)!, createColors(false), Date.parse(at(4)))).toMatch(
      /--resume would diverge at the same step: change training\.learning_rate or the data in a new run$/,
    );
    mkdirSync(join(folder, "checkpoints", "step-000002"), { recursive: true });
    const summary = readRunSummary(folder, false)!;
    expect(summary).toMatchObject({ state: "failed", error_code: "diverged", detail: "step 3: the loss is NaN" });
    expect(summaryText(summary, createColors(false), Date.parse(at(4)))).toMatch(
      /in a new run, which lora\.init_adapter can start from checkpoints\/step-000002$/,
    );
  });

  it("if its coordinator was killed, also after a stop and a resume", () => {
    const events = [started, { time: at(1), event: "run_stopped" }, { ...started, time: at(2) }];
    expect(readRunSummary(folderOf(events, [stepLine(1)]), false)).toMatchObject({
      state: "interrupted",
      ended_at: null,
      started_at: at(2),
    });
  });

  it("if it is running", () => {
    const events = [{ time: at(1), event: "run_stopped" }];
    expect(readRunSummary(folderOf(events), true)).toMatchObject({ state: "running", detail: null, ended_at: null });
  });

  it("but not if it never began", () => {
    expect(readRunSummary(temporaryFolder(), false)).toBeUndefined();
  });
});
