/** Compares what a run will write with the free disk space. */
import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { systemCodeOf } from "../errors.js";

export interface PlannedOutput {
  /** Trained parameters. */
  readonly parameters: number;
  /** Steps that are still to be trained. */
  readonly steps: number;
  readonly saveSteps: number;
  /** Checkpoints kept; null keeps all. */
  readonly keep: number | null;
  /** Existing checkpoints. */
  readonly present: number;
}

export interface OutputEstimate {
  /** Additional bytes. */
  readonly bytes: number;
  readonly checkpoints: number;
  readonly bytesPerCheckpoint: number;
}

/** Bytes of a parameter in the adapter. A checkpoint has two moments beside it. */
const bytesPerParameter = 4;
/** Bytes per step in metrics.jsonl and logs. */
const bytesPerStep = 512;
/** Constant part: configurations, headers, the beginning of the logs. */
const bytesAnyway = 128 * 1024;

/** Pure. */
export function estimateOutput({ parameters, steps, saveSteps, keep, present }: PlannedOutput): OutputEstimate {
  const adapter = parameters * bytesPerParameter;
  const bytesPerCheckpoint = 3 * adapter;
  const made = Math.ceil(steps / saveSteps);
  // A new one is complete before an old one is removed.
  const most = keep === null ? made : Math.min(made, Math.max(1, keep + 1 - present));
  return {
    bytes: most * bytesPerCheckpoint + adapter + steps * bytesPerStep + bytesAnyway,
    checkpoints: most,
    bytesPerCheckpoint,
  };
}

/** Pure. @returns a warning if the disk has too little space */
export function spaceWarning(outputDir: string, planned: PlannedOutput, free: number): string | undefined {
  const { bytes, checkpoints, bytesPerCheckpoint } = estimateOutput(planned);
  if (bytes <= free) return undefined;
  const several = checkpoints === 1 ? "1 checkpoint" : `${checkpoints} checkpoints`;
  return (
    `warning: this run writes about ${formatBytes(bytes)} (${several} of ${formatBytes(bytesPerCheckpoint)}, the adapter, logs), and the disk of ` +
    `${outputDir} has ${formatBytes(free)} free: free some space, lower training.save_total_limit, or give a folder on another disk ` +
    "for the adapter with --rescue"
  );
}

/** Bytes that this user may still write to the disk of a folder, existing or not; undefined if unknown. */
export function freeSpace(folder: string): number | undefined {
  let at = resolve(folder);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  try {
    const { blocks, bavail, bsize } = statfsSync(at);
    // A file system without blocks, such as /proc, cannot be full.
    return blocks === 0 ? undefined : bavail * bsize;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** "1.2 GB" */
export function formatBytes(bytes: number): string {
  const [unit, of] =
    bytes >= 1e9 ? (["GB", 1e9] as const) : bytes >= 1e6 ? (["MB", 1e6] as const) : (["kB", 1e3] as const);
  return `${(bytes / of).toLocaleString("en", { maximumFractionDigits: 1 })} ${unit}`;
}
