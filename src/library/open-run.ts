/** A run as the command line starts it: with how it ended, whatever that was. Loads nothing before it is called. */
import type { LoadedRun } from "../config/index.js";
import type { AddressKey, FinishedRun } from "../coordinator/index.js";
import type { CoordinatorOptions, TrainingRun } from "./run.js";

export type { FinishedRun };

/** Why a run ends whose signal was aborted. */
export const interrupted = "interrupted";

export interface OpenRunOptions extends Omit<CoordinatorOptions, "overrides"> {
  /** Starts the workers that the run asks for, as processes of this machine. */
  readonly localWorkers: boolean;
  /** Addresses that nobody chose: beside another run of this machine, this one takes others. Default: those not given. */
  readonly defaults?: ReadonlySet<AddressKey>;
  /**
   * The run is over, and everything is on disk.
   * @param lingers why metrics are still served: for a last scrape, or, with `stay`, until it is closed
   */
  readonly onOver?: (finished: FinishedRun, lingers: "scrape" | "stay" | undefined) => void;
}

export interface OpenRun {
  readonly run: TrainingRun;
  /** How the run ended, and with it everything that was opened. */
  readonly finished: Promise<FinishedRun>;
  /** Process ids of the local workers that run now. */
  workerPids(): readonly number[];
}

/**
 * Resolves once the run has started: it listens, and its local workers are being started.
 * @throws CoxswainError for anything wrong with the run, or "interrupted" where the signal was aborted before that
 */
export async function openRun(run: LoadedRun, options: OpenRunOptions): Promise<OpenRun> {
  const { conductRun } = await import("./conduct-run.js");
  return conductRun(run, options);
}

/** The step of the newest whole checkpoint; undefined where there is none, or the folder cannot be read. */
export async function newestSavedStep(outputDir: string): Promise<number | undefined> {
  const { listCheckpoints, newestCheckpoint } = await import("../coordinator/index.js");
  try {
    const path = await newestCheckpoint(outputDir);
    return (await listCheckpoints(outputDir)).find((checkpoint) => checkpoint.path === path)?.step;
  } catch {
    return undefined;
  }
}
