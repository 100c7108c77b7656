/** Starts a run for the command line, and reports how it ended. Loads nothing before it is called. */
import type { LoadedRun, RunConfig } from "../config/index.js";
import type {
  AddressKey,
  CoordinatorOptions as Coordinator,
  FinishedRun,
  WorkerGateway,
} from "../coordinator/index.js";
import type { LocalWorkers } from "../local-workers/index.js";
import type { WorkersOf } from "./run-workers.js";
import type { CoordinatorOptions, TrainingRun } from "./run.js";

export type { FinishedRun };

/** The reason of a run that ended because its signal was aborted. */
export const interrupted = "interrupted";

/** Workers that several runs share: the run starts none of its own. */
export interface WorkerPool {
  readonly gateway: WorkerGateway;
  /** They are processes on this machine, as many as the run's `workers`. */
  readonly isLocal: boolean;
}

export interface OpenRunOptions extends Omit<CoordinatorOptions, "overrides">, Pick<Coordinator, "stopAfter"> {
  /** Whether to start the run's `workers` as processes on this machine. */
  readonly localWorkers: boolean;
  /** Workers that the run gets instead of local ones. Default: none. */
  readonly pool?: WorkerPool | undefined;
  /** The learning rate of each step (from 1), instead of the run's schedule. Default: the schedule. */
  readonly learningRate?: ((step: number) => number) | undefined;
  /** Addresses that may be replaced if another run on this machine uses them. Default: those that are not given. */
  readonly defaults?: ReadonlySet<AddressKey>;
  /**
   * Called when the run is over and everything is on disk.
   * @param lingers why metrics are still served: for a last scrape or, with `stay`, until the run is closed
   */
  readonly onOver?: (finished: FinishedRun, lingers: "scrape" | "stay" | undefined) => void;
}

export interface OpenRun {
  readonly run: TrainingRun;
  /** How the run ended; resolves when everything is closed. */
  readonly finished: Promise<FinishedRun>;
  /** Process ids of the running local workers. */
  workerPids(): readonly number[];
}

/**
 * Resolves once the run has started: the coordinator listens, and local workers are being started.
 * @throws CoxswainError if the run is invalid, or "interrupted" if the signal is aborted before that
 */
export async function openRun(run: LoadedRun, options: OpenRunOptions): Promise<OpenRun> {
  const { conductRun } = await import("./conduct-run.js");
  return conductRun(run, options);
}

/**
 * Starts local workers that several runs share.
 * @param config its `workers` are started, with logs in its `output_dir`
 * @param note prints a line for the user
 */
export async function startSharedWorkers(
  config: RunConfig,
  whom: WorkersOf,
  note: (text: string) => void,
): Promise<LocalWorkers> {
  const { startRunWorkers } = await import("./run-workers.js");
  return startRunWorkers(config, whom, note);
}

/** The step of the newest complete checkpoint; undefined if there is none or the folder cannot be read. */
export async function newestSavedStep(outputDir: string): Promise<number | undefined> {
  const { listCheckpoints, newestCheckpoint } = await import("../coordinator/index.js");
  try {
    const path = await newestCheckpoint(outputDir);
    return (await listCheckpoints(outputDir)).find((checkpoint) => checkpoint.path === path)?.step;
  } catch {
    return undefined;
  }
}
