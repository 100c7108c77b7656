/** The result of a run, from its output folder: what `compare` shows of it. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { historyNotes, readHistory, type Curve } from "../../history/index.js";
import { findHolder } from "../../run-lock.js";
import { readRunSummary, type RecordedState } from "../../telemetry/index.js";

/** Users' scripts read the names: add, don't rename. */
export interface RunResult {
  /** Absolute. */
  readonly output_dir: string;
  /** null: the folder has no record of how it ended. */
  readonly state: RecordedState | null;
  readonly step: number;
  readonly total_steps: number | null;
  /** Of the newest step; null: none, or not finite. As the figures below. */
  readonly loss: number | null;
  readonly best_loss: number | null;
  readonly best_loss_step: number | null;
  readonly eval_loss: number | null;
  readonly best_eval_loss: number | null;
  readonly best_eval_loss_step: number | null;
  /** Share of the newest evaluation, 0 to 1; null if it was not measured. */
  readonly eval_exact_match: number | null;
  readonly tokens: number;
  /** Spent on steps. */
  readonly seconds: number;
  readonly tokens_per_second: number | null;
  /** Lines of metrics.jsonl that could not be read, and values in it that are not finite. */
  readonly damaged_lines: number;
  readonly not_finite: number;
  /** Of adapter/adapter_model.safetensors; null: there is none. */
  readonly adapter_sha256: string | null;
}

export async function readResult(outputDir: string, note: (text: string) => void): Promise<RunResult> {
  const history = readHistory(outputDir);
  const { curves, tokens, seconds, step } = history;
  historyNotes(history).forEach(note);
  const summary = readRunSummary(outputDir, findHolder(outputDir) !== undefined);
  const [best, bestEvaluation] = [lowest(curves.loss), lowest(curves.eval_loss)];
  return {
    output_dir: outputDir,
    state: summary?.state ?? null,
    step,
    total_steps: summary?.total_steps ?? null,
    loss: curves.loss.at(-1)?.value ?? null,
    best_loss: best?.value ?? null,
    best_loss_step: best?.step ?? null,
    eval_loss: curves.eval_loss.at(-1)?.value ?? null,
    best_eval_loss: bestEvaluation?.value ?? null,
    best_eval_loss_step: bestEvaluation?.step ?? null,
    eval_exact_match: curves.eval_exact_match.at(-1)?.value ?? null,
    tokens,
    seconds,
    tokens_per_second: seconds > 0 ? tokens / seconds : null,
    damaged_lines: history.damagedLines,
    not_finite: history.notFinite,
    adapter_sha256: await sha256Of(join(outputDir, "adapter", "adapter_model.safetensors")),
  };
}

/** The first of the lowest. */
function lowest(curve: Curve): Curve[number] | undefined {
  let found: Curve[number] | undefined;
  for (const point of curve)
    if (point.value !== null && (found?.value == null || point.value < found.value)) found = point;
  return found;
}

async function sha256Of(path: string): Promise<string | null> {
  if (!existsSync(path)) return null;
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
