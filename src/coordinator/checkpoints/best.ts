/** The checkpoint of the best evaluation: whether it is complete, and its parameters. */
import { join } from "node:path";
import { CoxswainError, messageOf } from "../../errors.js";
import type { LoraLayout } from "../../model/index.js";
import { checkFiles, checkpointName, checkpointsFolder, readTrainerState } from "./folder.js";
import { readCheckpoint } from "./read.js";

const pathOf = (outputDir: string, step: number): string => join(checkpointsFolder(outputDir), checkpointName(step));

/**
 * @param step undefined: there is no best evaluation yet
 * @throws CoxswainError "storage" if the checkpoint is missing or damaged
 */
export async function requireBest(outputDir: string, step: number | undefined): Promise<void> {
  if (step === undefined) return;
  const path = pathOf(outputDir, step);
  try {
    await checkFiles(path, await readTrainerState(path), { content: true });
  } catch (error) {
    throw lost(path, step, error);
  }
}

/**
 * @returns the parameters, [layout.size]
 * @throws CoxswainError "storage" if the checkpoint is missing or damaged
 */
export async function readBest(outputDir: string, step: number, layout: LoraLayout): Promise<Float32Array> {
  const path = pathOf(outputDir, step);
  try {
    return (await readCheckpoint(path, layout)).state.parameters;
  } catch (error) {
    throw lost(path, step, error);
  }
}

function lost(path: string, step: number, error: unknown): CoxswainError {
  return new CoxswainError(
    "storage",
    `${path}: the best evaluation is that of step ${step}, whose checkpoint cannot be read: ${messageOf(error)}`,
    {
      hint: "Restore the checkpoint from a copy, or use the newest state: --resume --set training.load_best_model_at_end=false.",
      cause: error,
    },
  );
}
