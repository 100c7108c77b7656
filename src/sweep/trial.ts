/** Trains one trial to a rung, as an ordinary run in its own folder that is continued where it stopped. */
import { existsSync } from "node:fs";
import type { CoxswainError } from "../errors.js";
import { readHistory } from "../history/index.js";
import { interrupted, openRun } from "../library/index.js";
import type { FinishedRun, WorkerPool } from "../library/index.js";
import type { StepView } from "../telemetry/index.js";
import { rungStep } from "./halving.js";
import type { Rules } from "./halving.js";
import type { Entry } from "./journal.js";
import type { Trial } from "./load.js";
import type { Metric } from "./spec.js";

export interface TrialOptions {
  readonly rung: number;
  readonly rules: Rules;
  readonly metric: Metric;
  readonly pool: WorkerPool;
  readonly signal: AbortSignal;
  readonly onStep: (step: StepView) => void;
  /** Its coordinator is ready, and waits for workers. */
  readonly onOpen: () => void;
  readonly onNote: (text: string) => void;
}

/** Errors that a trial has because of its settings; any other would end every trial. */
const own: readonly CoxswainError["code"][] = ["diverged", "model", "data", "config"];

/**
 * @returns how the trial arrived at the rung; undefined if it was interrupted by the signal
 * @throws CoxswainError for what would end every other trial as well
 */
export async function trainTrial({ index, run }: Trial, options: TrialOptions): Promise<Entry | undefined> {
  const { rung, rules, metric, pool, signal, onStep, onOpen, onNote } = options;
  const { eval_steps: evalSteps } = run.config.training;
  let totalSteps = 0;
  let wanted = 0;
  let last = 0;
  const entry = (of: Pick<Entry, "outcome" | "value" | "reason">): Entry => {
    return { trial: index, rung, step: last, totalSteps, ...of };
  };
  let finished: FinishedRun;
  try {
    const opened = await openRun(run, {
      localWorkers: false,
      resume: existsSync(run.config.output_dir),
      pool,
      signal,
      stopAfter: (total) => {
        totalSteps = total;
        wanted = rungStep(rules, rung, { totalSteps, evalSteps });
        return wanted;
      },
      view: {
        step: (step) => onStep(step),
        note: (text) => {
          if (text.startsWith("warning:")) onNote(text);
        },
        waiting: () => undefined,
      },
    });
    onOpen();
    finished = await opened.finished;
  } catch (error) {
    return ownFailure(error, signal, entry);
  }
  const { outcome, step } = finished;
  last = step;
  if (outcome.kind === "failed") return ownFailure(outcome.error, signal, entry);
  if (outcome.kind === "stopped" && outcome.reason === interrupted && signal.aborted) return undefined;
  // Early stopping completes a run before its last step.
  if (outcome.kind === "stopped" && step < wanted)
    return entry({ outcome: "stopped", value: null, reason: outcome.reason });
  const value = valueOf(finished, metric, run.config.output_dir);
  return value === null
    ? entry({ outcome: "diverged", value, reason: `${metric} is not a finite number` })
    : entry({ outcome: "reached", value, reason: null });
}

function ownFailure(
  error: unknown,
  signal: AbortSignal,
  entry: (of: Pick<Entry, "outcome" | "value" | "reason">) => Entry,
): Entry | undefined {
  const { code, message } = error as CoxswainError;
  if (signal.aborted && code === "interrupted") return undefined;
  if (!own.includes(code)) throw error;
  return entry({ outcome: code === "diverged" ? "diverged" : "failed", value: null, reason: message });
}

/** The metric of the adapter that the trial has at the rung; null: not a finite number. */
function valueOf({ step, best }: FinishedRun, metric: Metric, outputDir: string): number | null {
  if (best?.loaded === true && best.metric === metric) return Number.isFinite(best.value) ? best.value : null;
  const at = best?.loaded === true ? best.step : step;
  const { curves } = readHistory(outputDir);
  const curve = metric === "eval_loss" ? curves.eval_loss : curves.eval_exact_match;
  return curve.findLast((point) => point.step === at)?.value ?? null;
}
