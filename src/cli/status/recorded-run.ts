/** The status of a run whose coordinator cannot be asked, from its output folder: it is over, or elsewhere. */
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
  /** Why its coordinator cannot be asked, where there is one. */
  readonly note: string | undefined;
}

/**
 * @param run a run file or an output folder
 * @param error what asking the coordinator ended with
 * @returns undefined where the files say nothing of it, or where the coordinator is on this machine and ought to answer
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
      : `it runs on ${holder.host} (process ${holder.pid}); this is what its folder says of it: ${error.message}`;
  return { summary, note };
}

const outputFolderOf = async (run: string): Promise<string> =>
  statSync(run).isDirectory() ? resolve(run) : (await loadRun(run)).config.output_dir;
