/**
 * `resolved.yaml` of an output folder: the run as last started, with all defaults. Earlier releases called it
 * `run.yaml`, which may also be the user's own file: such a file is read only if its first line shows that Coxswain
 * wrote it, and is never written.
 */
import { join } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { readOwnFile } from "../own-files.js";
import type { RunConfig } from "./schema.js";
import { loadRun } from "./load.js";
import { isResolvedText } from "./serialize.js";

export const resolvedFile = "resolved.yaml";

/** Far more than a run file has, bytes. */
const largest = 16 * 2 ** 20;

/** Its name in earlier releases. */
const earlierFile = "run.yaml";

/** The file in an output folder with the settings of its run, if Coxswain wrote one. */
export function resolvedPath(outputDir: string): string | undefined {
  return [resolvedFile, earlierFile].map((name) => join(outputDir, name)).find(isResolvedFile);
}

/**
 * The settings that the run of an output folder was started with, without secrets; undefined if there are none.
 * @throws CoxswainError "config" for a file that is no longer valid
 */
export async function readResolved(outputDir: string): Promise<RunConfig | undefined> {
  const path = resolvedPath(outputDir);
  return path === undefined ? undefined : (await loadRun(path, [], {})).config;
}

/** Whether a file exists and begins like the output of `serializeRun`. */
export function isResolvedFile(path: string): boolean {
  try {
    return isResolvedText(readOwnFile(path, largest).text);
  } catch (error) {
    if (!(error instanceof CoxswainError) && systemCodeOf(error) === undefined) throw error;
    return false;
  }
}
