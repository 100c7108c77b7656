/** Writes checkpoints atomically: under a temporary name, flushed, then renamed. */
import { readdir, stat, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { stateHash } from "../../collective/index.js";
import {
  adapterTensors,
  writeAdapterFiles,
  writeSafetensors,
  type LoraLayout,
  type LoraSettings,
  type Quantization,
  type TrainedAdapter,
} from "../../model/index.js";
import type { ReplicaState } from "../../optim/index.js";
import { removeLeftovers, replaceFolder } from "../../storage/index.js";
import {
  checkFiles,
  checkpointName,
  checkpointsFolder,
  optimizerFile,
  readTrainerState,
  sha256Of,
  trainerStateFile,
} from "./folder.js";
import { CoxswainError } from "../../errors.js";
import { trainerStateText, type RunProgress, type TrainerState } from "./trainer-state.js";

/** Suffixes of the names of AdamW's moments, as in torch. */
export const momentSuffixes = { m: ".exp_avg", v: ".exp_avg_sq" } as const;

export interface CheckpointContents {
  /** Must not change until the write is over: a snapshot. */
  readonly state: ReplicaState;
  readonly progress: RunProgress;
  readonly layout: LoraLayout;
  readonly settings: LoraSettings;
  /** Hub id or folder, for the adapter's configuration and card. */
  readonly baseModel: string;
  /** Of the base model. */
  readonly quantization: Quantization | null;
  /** Of the base model's content, and the files that say how the adapter is asked: see `TrainedAdapter`. */
  readonly base?: TrainedAdapter["base"];
  readonly templateKwargs?: TrainedAdapter["templateKwargs"];
  readonly companions?: TrainedAdapter["companions"];
}

export interface WriteCheckpointOptions {
  /** Fingerprint of a state. Default: `stateHash`. */
  readonly hashOf?: (state: ReplicaState) => string;
}

/**
 * Writes `checkpoints/step-000100/` of a run's output folder. One writer at a time: partial files of an earlier one are
 * removed first. A complete checkpoint of the same step and state, with the same evaluations, is kept unchanged.
 * @returns the checkpoint's folder
 * @throws CoxswainError "storage" for a full disk and similar errors: older checkpoints remain, and partial files are removed
 */
export async function writeCheckpoint(
  outputDir: string,
  checkpoint: CheckpointContents,
  { hashOf = stateHash }: WriteCheckpointOptions = {},
): Promise<string> {
  const parent = checkpointsFolder(outputDir);
  const path = join(parent, checkpointName(checkpoint.state.step));
  const hash = hashOf(checkpoint.state);
  await removeLeftovers(parent, { all: true });
  if (await isWholeWith(path, hash, checkpoint.progress)) return path;
  const fill = (aside: string): Promise<void> => fillCheckpoint(aside, checkpoint, hash);
  // An existing folder of this name is damaged or belongs to another run, so an interrupted exchange loses nothing.
  await replaceFolder(path, fill);
  return path;
}

async function fillCheckpoint(folder: string, checkpoint: CheckpointContents, hash: string): Promise<void> {
  const { state, progress, layout, settings, baseModel, quantization, base, templateKwargs, companions } = checkpoint;
  const facts = { step: state.step, epoch: progress.epoch.toFixed(3), tokens: progress.tokens.all };
  await writeAdapterFiles(folder, {
    layout,
    parameters: state.parameters,
    settings,
    baseModel,
    quantization,
    training: facts,
    ...(base === undefined ? {} : { base }),
    ...(templateKwargs === undefined ? {} : { templateKwargs }),
    ...(companions === undefined ? {} : { companions }),
  });
  const moments = [
    ...adapterTensors(layout, state.m, momentSuffixes.m),
    ...adapterTensors(layout, state.v, momentSuffixes.v),
  ];
  await writeSafetensors(join(folder, optimizerFile), moments, { format: "pt", step: String(state.step) });
  const trainer: TrainerState = {
    version: 1,
    step: state.step,
    state_hash: hash,
    ...progress,
    files: await describeFiles(folder),
  };
  // Written last: it marks the folder as complete.
  await writeFile(join(folder, trainerStateFile), trainerStateText(trainer));
}

async function describeFiles(folder: string): Promise<TrainerState["files"]> {
  const files: TrainerState["files"] = {};
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) {
    const name = relative(folder, path).replaceAll(sep, "/");
    files[name] = { bytes: (await stat(path)).size, sha256: await sha256Of(path) };
  }
  return files;
}

async function isWholeWith(path: string, hash: string, progress: RunProgress): Promise<boolean> {
  try {
    const trainer = await readTrainerState(path);
    await checkFiles(path, trainer, { content: true });
    return trainer.state_hash === hash && trainer.evaluated_step === progress.evaluated_step;
  } catch (error) {
    if (error instanceof CoxswainError) return false;
    throw error;
  }
}
