/** Reads a run's files, to show its past. Invalid lines are skipped. */
import { join } from "node:path";
import { readObjects } from "./json-lines.js";
import type { EvalLine, RunEvent, StepLine } from "./run-files.js";

const stepFigures = [
  "step",
  "epoch",
  "loss",
  "grad_norm",
  "learning_rate",
  "tokens",
  "supervised_tokens",
  "tokens_per_second",
  "step_seconds",
  "workers",
] as const satisfies readonly (keyof StepLine)[];

const evalFigures = ["step", "eval_loss"] as const satisfies readonly (keyof EvalLine)[];

/**
 * The lines of `metrics.jsonl`, in order.
 * @throws CoxswainError "storage"
 */
export const readMetrics = (outputDir: string): (StepLine | EvalLine)[] =>
  readObjects(join(outputDir, "metrics.jsonl")).flatMap((line): (StepLine | EvalLine)[] => {
    if (hasNumbers(line, stepFigures)) return [line];
    return hasNumbers(line, evalFigures) ? [line] : [];
  });

/**
 * The events of `events.jsonl`, in order.
 * @throws CoxswainError "storage"
 */
export const readEvents = (outputDir: string): RunEvent[] =>
  readObjects(join(outputDir, "events.jsonl")).filter(isEvent);

/** An event's details are plain values; its name may come from a later version. */
const isEvent = (line: Readonly<Record<string, unknown>>): line is RunEvent =>
  typeof line["time"] === "string" &&
  typeof line["event"] === "string" &&
  Object.values(line).every((value) => value === null || typeof value !== "object");

function hasNumbers<const Name extends string>(
  line: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): line is Readonly<Record<Name, number>> {
  return names.every((name) => typeof line[name] === "number");
}
