/**
 * Writes the result of a run: its adapter. If the disk is full, writes the adapter of the newest step wherever there is
 * space, and reports where everything is.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runNames } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { baseModelRecord, completeAdapter, loraSettings, writeAdapter } from "../model/index.js";
import type { TrainedAdapter } from "../model/index.js";
import { storageTrouble } from "../storage/index.js";
import { readMetrics, readSamples } from "../telemetry/index.js";
import type { Sample, UnwrittenLines } from "../telemetry/index.js";
import { lossWarning } from "./record/loss-trend.js";
import { readBest } from "./checkpoints/index.js";
import type { BestMetric, BestState, Measurement, Outcome } from "./machine/index.js";
import type { PreparedRun } from "./prepare/prepare.js";
import type { SavedCheckpoint } from "./checkpoints/checkpointer.js";

export interface FinishedRun {
  readonly outcome: Outcome;
  /** The adapter's folder, if the run is complete. */
  readonly adapter: string | undefined;
  /** The newest step that was committed. */
  readonly step: number;
  /** It is complete before its last step: the metric has not improved for too long. */
  readonly stoppedEarly?: boolean | undefined;
  /** The answers to the sample prompts after the last step. */
  readonly samples?: readonly Sample[] | undefined;
  /** The best evaluation, if evaluations are compared. */
  readonly best?: BestEvaluation | undefined;
  /** A warning if the losses of a complete run indicate that training failed, else undefined. */
  readonly lossWarning?: string | undefined;
}

/** The best evaluation of a run (`training.metric_for_best_model`). */
export interface BestEvaluation extends Measurement {
  readonly metric: BestMetric;
  /** The adapter is that of its step. */
  readonly loaded: boolean;
}

export interface Leftovers {
  /** The evaluations that were compared; undefined if none were. */
  readonly best: BestState | undefined;
  /** The newest complete checkpoint. */
  readonly checkpoint: SavedCheckpoint | undefined;
  /** A folder for the adapter if the disk of the output folder is full. */
  readonly rescue: string | undefined;
  /** There was nothing left to train: an identical adapter from before a restart is kept. */
  readonly completeBefore: boolean;
  /** Tries again to write the lines that wait for disk space. */
  readonly unwritten: () => readonly UnwrittenLines[];
}

export async function conclude(run: PreparedRun, outcome: Outcome, leftovers: Leftovers): Promise<FinishedRun> {
  const finished = {
    ...(await saved(run, outcome, leftovers)),
    best: bestOf(run, leftovers.best),
    stoppedEarly: isEarly(run, outcome),
  };
  const missing = leftovers.unwritten();
  if (missing.length > 0) return incomplete(run, finished, leftovers, missing);
  if (finished.outcome.kind !== "completed") return finished;
  const steps = readMetrics(run.config.output_dir).filter((line) => "loss" in line);
  return { ...finished, lossWarning: lossWarning(steps), samples: lastSamples(run) };
}

/** Everything but the lines of `metrics.jsonl` and `events.jsonl`. */
async function saved(run: PreparedRun, outcome: Outcome, leftovers: Leftovers): Promise<FinishedRun> {
  const { step } = run.replica;
  if (outcome.kind === "failed" && outcome.error instanceof CoxswainError && outcome.error.code === "storage")
    return failed(run, await rescued(run, outcome.error, leftovers));
  if (outcome.kind !== "completed") return { outcome, adapter: undefined, step };
  const adapter = adapterFolder(run);
  const trained = await finalAdapter(run, bestOf(run, leftovers.best));
  if (trained instanceof CoxswainError) return failed(run, trained);
  try {
    await (leftovers.completeBefore ? completeAdapter : writeAdapter)(adapter, trained);
  } catch (error) {
    const trouble = storageTrouble(error, adapter);
    if (!(trouble instanceof CoxswainError)) throw trouble;
    return failed(run, await rescued(run, trouble, leftovers, trained));
  }
  return { outcome, adapter, step };
}

/** A run whose record lacks lines has failed, even if its adapter exists: the error reports both. */
function incomplete(
  run: PreparedRun,
  { outcome, adapter }: FinishedRun,
  { checkpoint }: Leftovers,
  missing: readonly UnwrittenLines[],
): FinishedRun {
  const lacks = missing
    .map(
      ({ path, lines }) =>
        `${path}: the disk is full: ${lines === 1 ? "a line" : `${lines} lines`} could not be written`,
    )
    .join("\n");
  if (outcome.kind === "failed") {
    const { code, message, hint } = outcome.error;
    const options = { ...(hint === undefined ? {} : { hint }), cause: outcome.error };
    return failed(run, new CoxswainError(code, `${message}\n${lacks}`, options));
  }
  const at = checkpoint === undefined ? "there is no checkpoint" : `the newest checkpoint is ${checkpoint.path}`;
  const where = adapter === undefined ? at : `the adapter is in ${adapter}; ${at}`;
  const hint =
    adapter === undefined ? "Free space, then continue with --resume." : "The run is complete: only its record is not.";
  return failed(run, new CoxswainError("storage", `${lacks}\n${where}`, { hint }));
}

const failed = (run: PreparedRun, error: CoxswainError): FinishedRun => ({
  outcome: { kind: "failed", error },
  adapter: undefined,
  step: run.replica.step,
});

const adapterFolder = ({ config }: PreparedRun): string => join(config.output_dir, "adapter");

function trainedAdapter({ config, layout, replica, manifest, inferenceFiles }: PreparedRun): TrainedAdapter {
  const { model: baseModel, quantization } = config;
  return {
    layout,
    parameters: replica.parameters,
    settings: loraSettings(config),
    baseModel,
    quantization,
    base: baseModelRecord(baseModel, manifest),
    templateKwargs: config.data.chat_template_kwargs,
    companions: inferenceFiles,
  };
}

function lastSamples({ config, replica }: PreparedRun): readonly Sample[] {
  if (config.training.sample_prompts === null) return [];
  return readSamples(config.output_dir).filter(({ step }) => step === replica.step);
}

const isEarly = ({ replica, plan }: PreparedRun, { kind }: Outcome): boolean =>
  kind === "completed" && replica.step < plan.totalSteps;

function bestOf({ config: { training } }: PreparedRun, state: BestState | undefined): BestEvaluation | undefined {
  const { metric_for_best_model: metric, load_best_model_at_end: loaded } = training;
  return metric === null || state?.best === undefined ? undefined : { ...state.best, metric, loaded };
}

/** With `load_best_model_at_end`, the one of the best evaluation. @returns the error if that cannot be read */
async function finalAdapter(
  run: PreparedRun,
  best: BestEvaluation | undefined,
): Promise<TrainedAdapter | CoxswainError> {
  const trained = trainedAdapter(run);
  if (!best?.loaded) return trained;
  const { step, metric, value } = best;
  const training = { "best step": step, [metric]: Number(value.toPrecision(6)) };
  const chosen = { ...trained, training, best: { step, metric, value } };
  if (step === run.replica.step) return chosen;
  try {
    return { ...chosen, parameters: await readBest(run.config.output_dir, step, run.layout) };
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
}

/** Tries to write the adapter alone, a third of a checkpoint. @returns the error, which says where everything is */
async function rescued(
  run: PreparedRun,
  error: CoxswainError,
  leftovers: Leftovers,
  final?: TrainedAdapter,
): Promise<CoxswainError> {
  const { checkpoint } = leftovers;
  const trained = final ?? trainedAdapter(run);
  const step: number = trained.best?.step ?? run.replica.step;
  const saved = checkpoint === undefined ? "there is no checkpoint" : `the newest checkpoint is ${checkpoint.path}`;
  const goOn = `${checkpoint === undefined ? "Free space and start again" : `Free space: --resume continues after step ${checkpoint.step}`}.`;
  const say = (found: string, hint = goOn): CoxswainError =>
    new CoxswainError("storage", `${error.message}\n${found}; ${saved}`, { hint, cause: error });
  if (step === 0) return say("no step was trained");
  const tried: string[] = [];
  for (const folder of placesFor(run, step, final !== undefined, leftovers)) {
    try {
      await mkdir(join(folder, ".."), { recursive: true });
      await writeAdapter(folder, trained);
      const complete = final !== undefined || step >= run.plan.totalSteps;
      return say(
        `the adapter of step ${step} is in ${folder}`,
        complete ? "The run is complete: use it from there." : goOn,
      );
    } catch (trouble) {
      tried.push(storageTrouble(trouble, folder).message);
    }
  }
  const elsewhere = leftovers.rescue === undefined ? " With --rescue DIR, the adapter is written to another disk." : "";
  return say(`the adapter of step ${step} could not be written either (${tried.join("; ")})`, goOn + elsewhere);
}

/** The usual folder if the run is complete, else one that names the step. Nothing is overwritten. */
function placesFor(run: PreparedRun, number: number, isFinal: boolean, { rescue }: Leftovers): readonly string[] {
  const { config, plan } = run;
  const step = `step-${String(number).padStart(6, "0")}`;
  const own = isFinal || number >= plan.totalSteps ? adapterFolder(run) : join(config.output_dir, `adapter-${step}`);
  const elsewhere = rescue === undefined ? [] : [join(rescue, `${runNames(config).run}-${step}`)];
  return [own, ...elsewhere].map(unused);
}

/** The path, with a number appended if it exists. */
function unused(path: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}
