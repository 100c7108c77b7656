/** The status of a run from its output folder, if its coordinator cannot be reached: the run is over, or elsewhere. */
import { statSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { loadRun } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { findHolder } from "../../run-lock.js";
import type { RunSummary } from "../../telemetry/index.js";
import type { ControlFlags } from "../options/control.js";

export interface RecordedRun {
  readonly summary: RunSummary;
  /** Why its coordinator cannot be reached, if there is one. */
  readonly note: string | undefined;
}

/**
 * @param run a run file or an output folder
 * @param error the error from reaching the coordinator
 * @returns undefined if the folder has no record of the run, or the coordinator is on this machine and should answer
 */
export async function recordedRun(
  run: string | undefined,
  flags: ControlFlags,
  error: unknown,
): Promise<RecordedRun | undefined> {
  if (run === undefined || flags.run !== undefined || flags.coordinator !== undefined) return undefined;
  if (!(error instanceof CoxswainError) || (error.code !== "cluster" && error.code !== "network")) return undefined;
  const outputDir = await outputFolderOf(run);
  const holder = findHolder(outputDir);
  if (holder?.host === hostname()) return undefined;
  const { readRunSummary } = await import("../../telemetry/index.js");
  const summary = readRunSummary(outputDir, holder !== undefined);
  if (summary === undefined) return undefined;
  const note =
    holder === undefined
      ? undefined
      : `it runs on ${holder.host} (process ${holder.pid}); its status is read from the output folder: ${error.message}`;
  return { summary, note };
}

const outputFolderOf = async (run: string): Promise<string> =>
  statSync(run).isDirectory() ? resolve(run) : (await loadRun(run)).config.output_dir;
