/**
 * `resolved.yaml` of an output folder: the run with every default written out, as it was started last. Earlier releases
 * called it `run.yaml`, which may be the name of the user's own file: such a one is read where its first line says that it
 * is ours, and never written.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../errors.js";
import type { RunConfig } from "./schema.js";
import { loadRun } from "./load.js";
import { isResolvedText } from "./serialize.js";

export const resolvedFile = "resolved.yaml";

/** The name that earlier releases gave it. */
const earlierFile = "run.yaml";

/** The file of an output folder that has the settings of its run, where there is one that Coxswain wrote. */
export function resolvedPath(outputDir: string): string | undefined {
  return [resolvedFile, earlierFile].map((name) => join(outputDir, name)).find(isResolvedFile);
}

/**
 * The settings that the run of an output folder was started with; undefined where it holds none. Its secrets are not there.
 * @throws CoxswainError "config" for a file that was changed into something else
 */
export async function readResolved(outputDir: string): Promise<RunConfig | undefined> {
  const path = resolvedPath(outputDir);
  return path === undefined ? undefined : (await loadRun(path, [], {})).config;
}

/** Whether a file is there and begins as `serializeRun` does. */
export function isResolvedFile(path: string): boolean {
  try {
    return isResolvedText(readFileSync(path, "utf8"));
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return false;
  }
}
