/** Finds the adapter that a path stands for: an adapter folder, a run's output folder, or a run file. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";

/** `./my-run`, `~/my-run`, `/data/my-run`, `runs/2026/my-run`: unlike `owner/name`, it cannot be a hub id. */
const isPath = /^[./~\\]|\/.*\//;

/**
 * The adapter's folder; null for a path that is no adapter, no run and no run file, such as a hub id or a model folder.
 * @throws CoxswainError "config" for a run that has no adapter yet, or an invalid run file; "model" for a path that does
 *   not exist
 */
export async function findAdapter(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    if (!isPath.test(path)) return null;
    const { noSuchFolder } = await import("../model/index.js");
    throw await noSuchFolder(path, false);
  }
  if (!found.isDirectory()) {
    const { loadRun } = await import("../config/index.js");
    return adapterOfRun((await loadRun(path)).config.output_dir, path);
  }
  if (await exists(join(path, "adapter_config.json"))) return path;
  if (await exists(join(path, "adapter", "adapter_config.json"))) return join(path, "adapter");
  return (await exists(join(path, "events.jsonl"))) ? adapterOfRun(path, path) : null;
}

/** @param given by the user: the output folder, or the run file */
async function adapterOfRun(output: string, given: string): Promise<string> {
  const adapter = join(output, "adapter");
  if (await exists(join(adapter, "adapter_config.json"))) return adapter;
  const isStarted = await exists(join(output, "events.jsonl"));
  if (isStarted) {
    throw new CoxswainError("config", `the run in ${output} has no adapter yet`, {
      hint: "An adapter is written when the run ends: continue it with `coxswain train RUN.yaml --resume`.",
    });
  }
  throw new CoxswainError("config", `${given}: this run has not been started: there is no run in ${output}`, {
    hint: `Train it first: \`coxswain train ${given}\`. Or give a model folder, a hub id, or another run.`,
  });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
