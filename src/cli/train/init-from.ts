/** `--init-from`: the adapter that a run starts from, of an earlier run, an adapter folder or a checkpoint. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FlagOverride, Override } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { newestSavedStep } from "../../library/index.js";

const isAdapter = (folder: string): boolean => existsSync(join(folder, "adapter_config.json"));

/** Overrides with what `--init-from` sets, if it is given; later ones take precedence. */
export const withInitFrom = async (
  sets: readonly Override[],
  path: string | undefined,
): Promise<readonly Override[]> => (path === undefined ? sets : [...sets, await initFrom(path)]);

/**
 * The same as `lora.init_adapter` in the run file.
 * @param path as the user gave it
 * @throws CoxswainError "usage" for anything that has no adapter
 */
async function initFrom(path: string): Promise<FlagOverride> {
  const folder = resolve(path);
  const found = [folder, join(folder, "adapter")].find(isAdapter);
  if (found !== undefined) return { flag: "--init-from", key: "lora.init_adapter", value: found };
  throw new CoxswainError("usage", `--init-from ${path}: ${await whyNot(folder)}`, {
    hint: await hintFor(path, folder),
  });
}

async function whyNot(folder: string): Promise<string> {
  if (!existsSync(folder)) return "no such folder";
  return (await newestSavedStep(folder)) === undefined
    ? "neither the output folder of a run, nor an adapter or a checkpoint"
    : "the run is not finished: it has no adapter/ yet";
}

async function hintFor(path: string, folder: string): Promise<string> {
  const step = existsSync(folder) ? await newestSavedStep(folder) : undefined;
  return step === undefined
    ? "Give the output folder of a finished run (runs/my-run), its adapter/ or one of its checkpoints/."
    : `To start from its newest checkpoint: --init-from ${join(path, "checkpoints", `step-${String(step).padStart(6, "0")}`)}`;
}
