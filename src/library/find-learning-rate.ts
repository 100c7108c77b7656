/**
 * The learning-rate range test of `coxswain lr-find`: the run's own distributed loop under an exponential ramp of the
 * learning rate, in a temporary folder that is removed. Prints nothing.
 */
import { rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LoadedRun, RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { atProcessExit } from "../process-exit.js";
import { removeLeftovers, storageTrouble, temporaryName } from "../storage/index.js";
import type { RunView } from "../telemetry/index.js";
import { checkRamp, rampRate, RangeTest, rangeTestRules, suggestRate } from "../tune/index.js";
import type { CurvePoint, Ramp, Suggestion } from "../tune/index.js";
import { throwIfAborted } from "./errors.js";
import { interrupted, openRun } from "./open-run.js";
import type { FinishedRun, OpenRun, OpenRunOptions } from "./open-run.js";

export interface FindLearningRateOptions extends Pick<OpenRunOptions, "insecure" | "signal" | "onListening"> {
  readonly ramp: Ramp;
  /** Folder of the results: temporary files are written there. */
  readonly folder: string;
  readonly view: RunView;
  /** Called when the loop has started. @param pids the local workers' process ids, now */
  readonly onStart?: (pids: () => readonly number[]) => void;
}

export interface FoundLearningRate {
  readonly points: readonly CurvePoint[];
  /** The rate at which the loss diverged; undefined if it did not. */
  readonly divergedAt: number | undefined;
  readonly suggestion: Suggestion;
}

/** @returns the folder of a run's range tests */
export const rangeTestFolder = ({ output_dir: outputDir }: Pick<RunConfig, "output_dir">): string =>
  join(outputDir, "lr-find");

/** @throws CoxswainError as `train()`, and "interrupted" if the signal is aborted; then nothing is left behind */
export async function findLearningRate(run: LoadedRun, options: FindLearningRateOptions): Promise<FoundLearningRate> {
  const { ramp, signal } = options;
  checkRamp(ramp);
  throwIfAborted("the range test", signal);
  const test = new RangeTest(rangeTestRules);
  const finished = await inScratchFolder(options.folder, (scratch) => execute(run, scratch, test, options));
  checkEnd(finished, test, options);
  const { points, divergedAt } = test;
  return { points, divergedAt, suggestion: suggestRate(points, divergedAt, ramp.steps) };
}

async function execute(
  run: LoadedRun,
  scratch: string,
  test: RangeTest,
  { ramp, view, signal, insecure, onListening, onStart }: FindLearningRateOptions,
): Promise<FinishedRun> {
  const rateOf = rampRate(ramp);
  const enough = new AbortController();
  const opened = await openRun(
    { ...run, config: rangeTestConfig(run.config, scratch, ramp) },
    {
      localWorkers: true,
      insecure,
      onListening,
      learningRate: rateOf,
      signal: signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal]),
      view: {
        ...view,
        step: (step, logged) => {
          // Steps that were in flight when the test ended, and the same steps after a restart of the loop.
          if (step.step !== test.points.length + 1 || enough.signal.aborted) return;
          test.add(step.step, step.learningRate, step.loss);
          view.step({ ...step, totalSteps: ramp.steps }, logged);
          if (test.divergedAt !== undefined || step.step >= ramp.steps) enough.abort();
        },
      },
    },
  );
  onStart?.(() => opened.workerPids());
  return ended(opened, test, rateOf);
}

/** A loss that is not finite ends a run as a failure; here it is what is looked for. */
async function ended({ finished }: OpenRun, test: RangeTest, rateOf: (step: number) => number): Promise<FinishedRun> {
  const end = await finished;
  const { outcome } = end;
  if (outcome.kind === "failed" && outcome.error.code === "diverged") test.diverge(rateOf(test.points.length + 1));
  return end;
}

/** @throws the error of a run that did not end because the test was complete */
function checkEnd({ outcome }: FinishedRun, test: RangeTest, { ramp }: FindLearningRateOptions): void {
  const complete = test.divergedAt !== undefined || test.points.length >= ramp.steps;
  if (complete) return;
  if (outcome.kind === "failed") throw outcome.error;
  const reason = outcome.kind === "stopped" && outcome.reason !== interrupted ? ` (${outcome.reason})` : "";
  throw new CoxswainError("interrupted", `the range test was stopped after step ${test.points.length}${reason}`, {
    hint: "Start it again.",
  });
}

const never = 100_000_000;

/** The run without evaluations, checkpoints and what it reports to others. The rows of each step stay the same. */
function rangeTestConfig(config: RunConfig, outputDir: string, { steps }: Ramp): RunConfig {
  const { data, training, telemetry } = config;
  return {
    ...config,
    output_dir: outputDir,
    // A share or a number is held out of the training data: it stays, since it decides what is trained on.
    data: { ...data, eval: typeof data.eval === "number" ? data.eval : null },
    training: {
      ...training,
      max_steps: steps,
      lr_scheduler_type: "constant",
      lr_scheduler_kwargs: {},
      eval_steps: null,
      predict_with_generate: false,
      sample_prompts: null,
      metric_for_best_model: null,
      load_best_model_at_end: false,
      early_stopping_patience: null,
      save_steps: never,
    },
    telemetry: { ...telemetry, nats: null, tensorboard: false, exec: null },
  };
}

/** Creates a temporary folder in `folder`, and removes it and the folders that were created for it. */
async function inScratchFolder<T>(folder: string, use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = join(folder, temporaryName("run"));
  let made: string | undefined;
  try {
    made = await makeFolders(scratch);
  } catch (error) {
    throw storageTrouble(error, folder);
  }
  const remove = (): void => {
    rmSync(scratch, { recursive: true, force: true });
    if (made !== undefined) removeEmpty(folder, dirname(made));
  };
  const cancel = atProcessExit(remove);
  try {
    await removeLeftovers(folder);
    return await use(scratch);
  } finally {
    cancel();
    remove();
  }
}

/** Removes the empty folders from `folder` up to, but not including, `top`. */
function removeEmpty(folder: string, top: string): void {
  for (let at = folder; at !== top && at !== dirname(at); at = dirname(at)) {
    try {
      rmdirSync(at);
    } catch {
      // It is not empty: another process writes there.
      return;
    }
  }
}
