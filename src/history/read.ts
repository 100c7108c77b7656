/**
 * Reads the curves of a run from `metrics.jsonl`, however the file ends: unfinished, damaged, joined from several starts.
 * A number that is not finite, which JSON cannot hold, is written as null.
 */
import { join } from "node:path";
import { readLines } from "../telemetry/index.js";
import { metricsLine, type MetricsLine } from "./line.js";

/** Figures over steps, by their names in `metrics.jsonl`. */
export type CurveName = "loss" | "eval_loss" | "eval_exact_match" | "learning_rate" | "grad_norm" | "tokens_per_second";

export interface CurvePoint {
  readonly step: number;
  /** null: not finite. */
  readonly value: number | null;
}

/** Steps ascend. */
export type Curve = readonly CurvePoint[];

export interface RunHistory {
  readonly curves: Readonly<Record<CurveName, Curve>>;
  /** Sums over the steps, across restarts. */
  readonly tokens: number;
  readonly seconds: number;
  /** The newest step; 0 if there is none. */
  readonly step: number;
  /** Values that are not finite, of all curves. */
  readonly notFinite: number;
  /** Lines that are not complete JSON objects of a step or an evaluation, and were skipped. */
  readonly damagedLines: number;
  /** Steps that were recorded again later, after the run went back; the later lines count. */
  readonly repeatedSteps: number;
}

/** @throws CoxswainError "storage" if the file cannot be read */
export const readHistory = (outputDir: string): RunHistory => historyOf(readLines(join(outputDir, "metrics.jsonl")));

/** @param texts the lines of a `metrics.jsonl` */
export function historyOf(texts: readonly string[]): RunHistory {
  const steps = new Map<number, MetricsLine>();
  const evaluations = new Map<number, MetricsLine>();
  let damagedLines = 0;
  let repeatedSteps = 0;
  let newest = 0;
  for (const text of texts) {
    if (text.trim() === "") continue;
    const line = metricsLine(text);
    if (line === undefined) damagedLines++;
    else if ("eval_loss" in line.figures) evaluations.set(line.step, line);
    else {
      // The run went back: what it had recorded from here on was lost.
      if (line.step <= newest) {
        repeatedSteps += dropFrom(steps, line.step);
        dropFrom(evaluations, line.step);
      }
      newest = line.step;
      steps.set(line.step, line);
    }
  }
  const lines = [...steps.values()].sort((one, other) => one.step - other.step);
  const evaluated = [...evaluations.values()].sort((one, other) => one.step - other.step);
  const sum = (name: string): number => lines.reduce((total, { figures }) => total + (finite(figures[name]) ?? 0), 0);
  const curves = {
    loss: curveOf(lines, "loss"),
    learning_rate: curveOf(lines, "learning_rate"),
    grad_norm: curveOf(lines, "grad_norm"),
    tokens_per_second: curveOf(lines, "tokens_per_second"),
    eval_loss: curveOf(evaluated, "eval_loss"),
    eval_exact_match: curveOf(evaluated, "eval_exact_match"),
  };
  return {
    curves,
    notFinite: Object.values(curves)
      .flat()
      .filter(({ value }) => value === null).length,
    tokens: sum("tokens"),
    seconds: sum("step_seconds"),
    step: lines.at(-1)?.step ?? 0,
    damagedLines,
    repeatedSteps,
  };
}

/** @returns how many were dropped */
function dropFrom(lines: Map<number, MetricsLine>, step: number): number {
  const later = [...lines.keys()].filter((at) => at >= step);
  for (const at of later) lines.delete(at);
  return later.length;
}

const curveOf = (lines: readonly MetricsLine[], name: CurveName): Curve =>
  lines.flatMap(({ step, figures }) => (name in figures ? [{ step, value: finite(figures[name]) }] : []));

const finite = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
