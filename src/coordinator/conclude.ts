/**
 * What a run leaves behind: its adapter; and where the disk is full, the adapter of what was trained, wherever there is
 * room, with a word on what is where.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runNames } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { baseModelRecord, completeAdapter, loraSettings, storageTrouble, writeAdapter } from "../model/index.js";
import type { TrainedAdapter } from "../model/index.js";
import { readMetrics } from "../telemetry/index.js";
import type { UnwrittenLines } from "../telemetry/index.js";
import { lossWarning } from "./record/loss-trend.js";
import type { Outcome } from "./machine/index.js";
import type { PreparedRun } from "./prepare/prepare.js";
import type { SavedCheckpoint } from "./checkpoints/checkpointer.js";

export interface FinishedRun {
  readonly outcome: Outcome;
  /** The adapter's folder, where the run is complete. */
  readonly adapter: string | undefined;
  /** The newest step that was committed. */
  readonly step: number;
  /** What its losses say against it, where it is complete; undefined where nothing does. */
  readonly lossWarning?: string | undefined;
}

export interface Leftovers {
  /** The newest checkpoint that is whole. */
  readonly checkpoint: SavedCheckpoint | undefined;
  /** A folder for the adapter, where the output folder's disk has no room for it. */
  readonly rescue: string | undefined;
  /** There was nothing left to train: the adapter of an earlier life stays where it is the same. */
  readonly completeBefore: boolean;
  /** Tries once more to write the lines that wait for room. */
  readonly unwritten: () => readonly UnwrittenLines[];
}

export async function conclude(run: PreparedRun, outcome: Outcome, leftovers: Leftovers): Promise<FinishedRun> {
  const finished = await saved(run, outcome, leftovers);
  const missing = leftovers.unwritten();
  if (missing.length > 0) return incomplete(run, finished, leftovers, missing);
  if (finished.outcome.kind !== "completed") return finished;
  const steps = readMetrics(run.config.output_dir).filter((line) => "loss" in line);
  return { ...finished, lossWarning: lossWarning(steps) };
}

/** Everything but the lines of `metrics.jsonl` and `events.jsonl`. */
async function saved(run: PreparedRun, outcome: Outcome, leftovers: Leftovers): Promise<FinishedRun> {
  const { step } = run.replica;
  if (outcome.kind === "failed" && outcome.error instanceof CoxswainError && outcome.error.code === "storage")
    return failed(run, await rescued(run, outcome.error, leftovers));
  if (outcome.kind !== "completed") return { outcome, adapter: undefined, step };
  const adapter = adapterFolder(run);
  try {
    await (leftovers.completeBefore ? completeAdapter : writeAdapter)(adapter, trainedAdapter(run));
  } catch (error) {
    const trouble = storageTrouble(error, adapter);
    if (!(trouble instanceof CoxswainError)) throw trouble;
    return failed(run, await rescued(run, trouble, leftovers));
  }
  return { outcome, adapter, step };
}

/** A run whose record lacks lines has failed, whatever else is there: the error says both. */
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
    adapter === undefined ? "Make room, then go on with --resume." : "The run is complete: only its record is not.";
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
    companions: inferenceFiles,
  };
}

/** Tries the adapter alone, a third of a checkpoint. @returns the error, with what is where */
async function rescued(run: PreparedRun, error: CoxswainError, leftovers: Leftovers): Promise<CoxswainError> {
  const { checkpoint } = leftovers;
  const step: number = run.replica.step;
  const saved = checkpoint === undefined ? "there is no checkpoint" : `the newest checkpoint is ${checkpoint.path}`;
  const goOn = `${checkpoint === undefined ? "Make room and start again" : `Make room: --resume goes on after step ${checkpoint.step}`}.`;
  const say = (found: string, hint = goOn): CoxswainError =>
    new CoxswainError("storage", `${error.message}\n${found}; ${saved}`, { hint, cause: error });
  if (step === 0) return say("no step was trained");
  const tried: string[] = [];
  for (const folder of placesFor(run, leftovers)) {
    try {
      await mkdir(join(folder, ".."), { recursive: true });
      await writeAdapter(folder, trainedAdapter(run));
      const complete = step >= run.plan.totalSteps;
      return say(
        `the adapter of step ${step} is in ${folder}`,
        complete ? "The run is complete: use it from there." : goOn,
      );
    } catch (trouble) {
      tried.push(storageTrouble(trouble, folder).message);
    }
  }
  const elsewhere = leftovers.rescue === undefined ? " --rescue DIR tries the adapter on another disk." : "";
  return say(`the adapter of step ${step} could not be written either (${tried.join("; ")})`, goOn + elsewhere);
}

/** Where the run is complete, its place; else one that says of which step it is. Nothing is replaced. */
function placesFor(run: PreparedRun, { rescue }: Leftovers): readonly string[] {
  const { config, plan, replica } = run;
  const step = `step-${String(replica.step).padStart(6, "0")}`;
  const own = replica.step >= plan.totalSteps ? adapterFolder(run) : join(config.output_dir, `adapter-${step}`);
  const elsewhere = rescue === undefined ? [] : [join(rescue, `${runNames(config).run}-${step}`)];
  return [own, ...elsewhere].map(unused);
}

/** The path, or with a number where something is there. */
function unused(path: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}
