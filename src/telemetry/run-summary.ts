/** Summarises a run without a coordinator from its files: how it ended, its progress and its outputs. Read-only. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { readObjects } from "./json-lines.js";
import type { EvalLine, StepLine } from "./run-files.js";

type Line = Readonly<Record<string, unknown>>;

/** interrupted: its coordinator was killed. running: it has a coordinator, which cannot be reached. */
export type RecordedState = "completed" | "stopped" | "failed" | "interrupted" | "running";

/** Names are those of `RunStatus` if they mean the same; users' scripts read them: add, don't rename. */
export interface RunSummary {
  /** Absolute. */
  readonly output_dir: string;
  readonly model: string | null;
  readonly state: RecordedState;
  /** Why it was stopped, or failed. */
  readonly detail: string | null;
  /** What kind of error it failed of ("diverged", "storage" …); null otherwise, and for runs of earlier releases. */
  readonly error_code: string | null;
  /** The newest committed step; 0 before the first. */
  readonly step: number;
  readonly total_steps: number | null;
  /** Of the newest step, as the three below; null before the first. */
  readonly epoch: number | null;
  readonly loss: number | null;
  readonly learning_rate: number | null;
  readonly grad_norm: number | null;
  /** Without padding, of all steps. */
  readonly tokens: number;
  /** Time spent on the steps, across restarts of the coordinator. */
  readonly seconds: number;
  /** Tokens over seconds; null before the first step. */
  readonly tokens_per_second: number | null;
  /** The newest. */
  readonly evaluation: EvalLine | null;
  /** The best by `training.metric_for_best_model`; null without one. */
  readonly best: { readonly metric: string; readonly step: number; readonly value: number } | null;
  /** The newest existing one. `time` is ISO 8601, UTC. */
  readonly checkpoint: { readonly step: number; readonly path: string; readonly time: string } | null;
  /** The finished adapter's folder. */
  readonly adapter: string | null;
  /** When its newest coordinator started, and when that ended: ISO 8601, UTC. */
  readonly started_at: string | null;
  readonly ended_at: string | null;
}

const endings: Readonly<Record<string, RecordedState>> = {
  run_finished: "completed",
  run_stopped: "stopped",
  run_failed: "failed",
};

/**
 * @param outputDir absolute
 * @param isLed whether a coordinator holds the folder
 * @returns undefined if nothing was recorded: the run never began
 * @throws CoxswainError "storage"
 */
export function readRunSummary(outputDir: string, isLed: boolean): RunSummary | undefined {
  const lines = readObjects(join(outputDir, "metrics.jsonl"));
  const events = readObjects(join(outputDir, "events.jsonl"));
  if (lines.length === 0 && events.length === 0) return undefined;
  const steps = lines.filter(isStep);
  const last = steps.at(-1);
  const start = events.findLast(({ event }) => event === "run_started");
  // Workers are told of the end, and leave after it.
  const end = isLed ? undefined : events.findLast(({ event }) => event !== "worker_left");
  const state = isLed ? "running" : (endings[textOf(end?.["event"]) ?? ""] ?? "interrupted");
  const isEnd = state !== "interrupted" && state !== "running";
  const sum = (of: (line: StepLine) => number): number => steps.reduce((total, line) => total + of(line), 0);
  const [tokens, seconds] = [sum((line) => line.tokens), sum((line) => line.step_seconds)];
  const adapter = join(outputDir, "adapter");
  return {
    output_dir: outputDir,
    model: textOf(start?.["model"]) ?? null,
    state,
    detail: isEnd ? (textOf(end?.["error"]) ?? textOf(end?.["reason"]) ?? null) : null,
    error_code: isEnd ? (textOf(end?.["code"]) ?? null) : null,
    step: last?.step ?? 0,
    total_steps: numberOf(start?.["total_steps"]) ?? null,
    epoch: last?.epoch ?? null,
    loss: last?.loss ?? null,
    learning_rate: last?.learning_rate ?? null,
    grad_norm: last?.grad_norm ?? null,
    tokens,
    seconds,
    tokens_per_second: seconds > 0 ? tokens / seconds : null,
    evaluation: lines.findLast(isEvaluation) ?? null,
    best: bestOf(events, last?.step ?? 0),
    checkpoint: newestCheckpoint(outputDir, events),
    adapter: state === "completed" && existsSync(adapter) ? adapter : null,
    started_at: textOf(start?.["time"]) ?? null,
    ended_at: isEnd ? (textOf(end?.["time"]) ?? null) : null,
  };
}

/** The newest that the run still has: it may have gone back since. */
function bestOf(events: readonly Line[], newestStep: number): RunSummary["best"] {
  for (const { event, step, metric, value } of events.toReversed()) {
    if (event !== "best_model" || typeof step !== "number" || step > newestStep) continue;
    if (typeof metric === "string" && typeof value === "number") return { metric, step, value };
  }
  return null;
}

/** The newest saved one that still exists, in the folder's current location. */
function newestCheckpoint(outputDir: string, events: readonly Line[]): RunSummary["checkpoint"] {
  for (const { event, step, path, time } of events.toReversed()) {
    if (event !== "checkpoint_saved" || typeof step !== "number" || typeof path !== "string") continue;
    const here = join(outputDir, "checkpoints", basename(path));
    if (existsSync(here)) return { step, path: here, time: textOf(time) ?? "" };
  }
  return null;
}

const stepNumbers = ["step", "epoch", "loss", "grad_norm", "learning_rate", "tokens", "step_seconds"];

const isStep = (line: Line): line is Line & StepLine => stepNumbers.every((key) => typeof line[key] === "number");

const isEvaluation = (line: Line): line is Line & EvalLine =>
  typeof line["step"] === "number" && typeof line["eval_loss"] === "number";

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
