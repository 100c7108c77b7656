/** The folder `checkpoints/` of a run: which checkpoints are complete, which is the newest, and which may be removed. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError, systemCodeOf } from "../../errors.js";
import { storageTrouble, temporaryName } from "../../storage/index.js";
import { parseTrainerState, type TrainerState } from "./trainer-state.js";

export const trainerStateFile = "trainer_state.json";
export const optimizerFile = "optimizer.safetensors";

/** The files that every checkpoint must have; the model card may be missing. */
const requiredFiles = ["adapter_model.safetensors", "adapter_config.json", optimizerFile];

export const checkpointsFolder = (outputDir: string): string => join(outputDir, "checkpoints");

/** "step-000100" */
export const checkpointName = (step: number): string => `step-${String(step).padStart(6, "0")}`;

/** The checkpoints by name, complete or not, oldest first. */
export async function listCheckpoints(outputDir: string): Promise<{ path: string; step: number }[]> {
  const folder = checkpointsFolder(outputDir);
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw storageTrouble(error, folder);
  }
  return names
    .flatMap((name) => {
      const step = Number(/^step-(\d{6,15})$/.exec(name)?.[1] ?? Number.NaN);
      // Rejects names such as "step-0000100", which are never written.
      return checkpointName(step) === name ? [{ path: join(folder, name), step }] : [];
    })
    .sort((left, right) => left.step - right.step);
}

export interface NewestCheckpointOptions {
  /** Called with a message for every newer checkpoint that is not complete. */
  readonly onSkip?: (text: string) => void;
}

/**
 * The newest complete checkpoint: every file exists, with its size and SHA-256. Damaged ones are not removed.
 * @returns its folder; undefined if there is none
 */
export async function newestCheckpoint(
  outputDir: string,
  { onSkip = () => undefined }: NewestCheckpointOptions = {},
): Promise<string | undefined> {
  for (const { path } of (await listCheckpoints(outputDir)).reverse()) {
    try {
      await checkFiles(path, await readTrainerState(path), { content: true });
      return path;
    } catch (error) {
      if (!(error instanceof CoxswainError)) throw error;
      onSkip(`the checkpoint ${path} is skipped: ${error.message}`);
    }
  }
  return undefined;
}

/** @throws CoxswainError "storage" if it is missing or damaged, or its step differs from that in the folder's name */
export async function readTrainerState(checkpoint: string): Promise<TrainerState> {
  const path = join(checkpoint, trainerStateFile);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw storageTrouble(error, path);
  }
  const state = parseTrainerState(text, path);
  for (const name of requiredFiles) {
    if (!Object.hasOwn(state.files, name)) throw damaged(path, `lists no ${name}`);
  }
  if (!checkpoint.endsWith(checkpointName(state.step))) throw damaged(path, `is of step ${state.step}`);
  return state;
}

/**
 * Checks the files that a checkpoint lists: their sizes and, with `content`, their SHA-256.
 * @throws CoxswainError "storage" naming the file, what was expected and what was found
 */
export async function checkFiles(
  checkpoint: string,
  { files }: TrainerState,
  { content }: { readonly content: boolean },
): Promise<void> {
  for (const [name, expected] of Object.entries(files)) {
    const path = join(checkpoint, name);
    try {
      const { size } = await stat(path);
      if (size !== expected.bytes) throw damaged(path, `expected ${expected.bytes} bytes, found ${size}`);
      if (content && (await sha256Of(path)) !== expected.sha256) throw damaged(path, "its content has changed");
    } catch (error) {
      throw storageTrouble(error, path);
    }
  }
}

/** SHA-256 of a file, hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  return hash.digest("hex");
}

/**
 * Removes the oldest complete checkpoints beyond `keep`; the newest complete one always stays, and so does the best one,
 * which counts. Each is renamed before it is deleted, so that a crash leaves only complete checkpoints, and leftovers that
 * the next write removes. Damaged ones are neither counted nor removed.
 * @param keep how many stay; null keeps all
 * @param best the step of the best one, if there is one
 * @returns the folders removed, oldest first
 */
export async function pruneCheckpoints(outputDir: string, keep: number | null, best?: number): Promise<string[]> {
  if (keep === null) return [];
  const whole: string[] = [];
  for (const { path } of await listCheckpoints(outputDir)) if (await isWholeBySize(path)) whole.push(path);
  const mayGo = whole.slice(0, -1).filter((path) => best === undefined || !path.endsWith(checkpointName(best)));
  const surplus = mayGo.slice(0, Math.max(0, whole.length - keep));
  for (const path of surplus) {
    const aside = join(checkpointsFolder(outputDir), temporaryName("pruned"));
    try {
      await rename(path, aside);
      await rm(aside, { recursive: true, force: true });
    } catch (error) {
      throw storageTrouble(error, path);
    }
  }
  return surplus;
}

async function isWholeBySize(path: string): Promise<boolean> {
  try {
    await checkFiles(path, await readTrainerState(path), { content: false });
    return true;
  } catch (error) {
    if (error instanceof CoxswainError) return false;
    throw error;
  }
}

function damaged(path: string, what: string): CoxswainError {
  return new CoxswainError("storage", `${path}: ${what}`, {
    hint: "Remove the checkpoint's folder to continue from an older one.",
  });
}
