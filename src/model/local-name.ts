/**
 * Whether a name that could be a hub id (`runs/typo`) means a folder of this machine: the hub is then not asked, whose
 * answer would be about something else.
 */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { CoxswainError } from "../errors.js";
import { listed } from "../listed.js";
import { similarFolder } from "./not-a-model.js";

/** Where outputs usually are: as owners on the hub, these names have no models. */
const usualFolders = /^(runs?|outputs?|checkpoints?|adapters?|results?)$/i;

/** What makes a folder a run, an adapter, or a folder of Coxswain's. */
const marks = ["events.jsonl", "metrics.jsonl", "resolved.yaml", "adapter_config.json"];

const marked = (folder: string): boolean => marks.some((name) => existsSync(join(folder, name)));

/** Runs and adapters directly within a folder. */
function runsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isFile())
      .map(({ name }) => join(folder, name))
      .filter(marked)
      .sort();
  } catch {
    // Not there, or not to be read.
    return [];
  }
}

/** @param name `owner/name` without a revision, of which there is no folder */
export const meansLocalFolder = (name: string): boolean =>
  usualFolders.test(dirname(name)) || marked(dirname(name)) || runsIn(dirname(name)).length > 0;

const shownRuns = 3;

/** @param path does not exist */
export async function noSuchFolder(path: string, hubId: boolean): Promise<CoxswainError> {
  const similar = await similarFolder(path);
  const runs = runsIn(dirname(path));
  const meant =
    similar !== undefined
      ? `Did you mean ${similar}? `
      : runs.length > 0
        ? `In ${dirname(path)} there are ${listed(runs, shownRuns)}. `
        : "";
  const hub = hubId ? ` A model of the hub by this name is written ${path}@main.` : "";
  return new CoxswainError("model", `${path}: no such folder: neither a run, nor an adapter, nor a model`, {
    hint: `${meant}Give a run's output folder, an adapter folder, a Hugging Face model folder or a hub id.${hub}`,
  });
}
