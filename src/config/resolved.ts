/**
 * `resolved.yaml` of an output folder: the run as last started, with all defaults. Earlier releases called it
 * `run.yaml`, which may also be the user's own file: such a file is read only if its first line shows that Coxswain
 * wrote it, and is never written.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../errors.js";
import type { RunConfig } from "./schema.js";
import { loadRun } from "./load.js";
import { isResolvedText } from "./serialize.js";

export const resolvedFile = "resolved.yaml";

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
    return isResolvedText(readFileSync(path, "utf8"));
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return false;
  }
}
