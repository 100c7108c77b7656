/** Finds the output folder of a run that a user names by its folder or its run file. Read-only. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadRun } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { listed } from "../listed.js";
import { refuseSweepFolder } from "../sweep-folder.js";

/** How many runs within a folder a hint names. */
const namedRuns = 3;

/**
 * @param run an output folder or a run file
 * @returns the output folder, absolute
 * @throws CoxswainError "config" if there is no record of a run
 */
export async function findRunFolder(run: string): Promise<string> {
  const found = statSync(run, { throwIfNoEntry: false });
  if (found === undefined)
    throw new CoxswainError("config", `${run}: no such run file or output folder`, {
      hint: "Give the output_dir of a run, such as runs/my-run, or its run file.",
    });
  const folder = found.isDirectory() ? resolve(run) : (await loadRun(run)).config.output_dir;
  if (hasRecord(folder)) return folder;
  refuseSweepFolder(folder);
  const named = found.isDirectory() ? run : `${run}: its output_dir ${folder}`;
  throw new CoxswainError("config", `${named}: there is no run in this folder (no metrics.jsonl)`, {
    hint: hintFor(found.isDirectory() ? run : folder),
  });
}

const hasRecord = (folder: string): boolean => existsSync(join(folder, "metrics.jsonl"));

function hintFor(folder: string): string {
  const within = runsWithin(folder);
  if (within.length === 0) return "Give the output_dir of a run that has begun, such as runs/my-run, or its run file.";
  return `There are runs within it: ${listed(within, namedRuns)}.`;
}

function runsWithin(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .map(({ name }) => join(folder, name))
      .filter(hasRecord);
  } catch {
    // The hint is only an offer.
    return [];
  }
}
