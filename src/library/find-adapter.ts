/** Finds the adapter that a path stands for: an adapter folder, a run's output folder, or a run file. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";

/**
 * The adapter's folder; null for a path that is no adapter, no run and no run file, such as a hub id or a model folder.
 * @throws CoxswainError "config" for a run that has no adapter yet, or an invalid run file
 */
export async function findAdapter(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return null;
  if (!found.isDirectory()) {
    const { loadRun } = await import("../config/index.js");
    return adapterOfRun((await loadRun(path)).config.output_dir);
  }
  if (await exists(join(path, "adapter_config.json"))) return path;
  if (await exists(join(path, "adapter", "adapter_config.json"))) return join(path, "adapter");
  return (await exists(join(path, "events.jsonl"))) ? adapterOfRun(path) : null;
}

async function adapterOfRun(output: string): Promise<string> {
  const adapter = join(output, "adapter");
  if (await exists(join(adapter, "adapter_config.json"))) return adapter;
  throw new CoxswainError("config", `the run in ${output} has no adapter yet`, {
    hint: "An adapter is written when the run ends: continue it with `coxswain train RUN.yaml --resume`.",
  });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
