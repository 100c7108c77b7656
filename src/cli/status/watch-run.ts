/** Watches a run to its end, across restarts of its coordinator. Prints nothing. */
import { isOver } from "../../control/index.js";
import type { RemoteRun, RunStatus } from "../../control/index.js";
import { CoxswainError } from "../../errors.js";
import { RunOver } from "../control/locate-run.js";

export interface WatchOptions {
  /** Finds the run, and connects to it. */
  readonly reach: () => Promise<RemoteRun>;
  /** Called for every failed attempt to reconnect to a coordinator that was reached before. */
  readonly onLost: (error: CoxswainError) => void;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly pause: (duration: number) => Promise<void>;
}

/** How long to try to reconnect, ms: as long as workers do by default. */
const patience = 300_000;
/** Between two attempts, ms. */
const interval = 2_000;

/**
 * The run's statuses, as from `RemoteRun.watch`, across restarts of its coordinator.
 * @throws CoxswainError if the first connection fails, or the coordinator does not come back (the error of the last attempt)
 */
export async function* watchRun(options: WatchOptions): AsyncGenerator<RunStatus, void, undefined> {
  const { reach, onLost, now, pause } = options;
  let heardAt: number | undefined;
  for (;;) {
    try {
      for await (const status of statusesOf(await reach())) {
        heardAt = now();
        yield status;
        if (isOver(status.state)) return;
      }
      throw new CoxswainError("network", "the coordinator closed the connection unexpectedly", {
        hint: "See its log.",
      });
    } catch (error) {
      if (heardAt === undefined || now() - heardAt > patience || !mayComeBack(error)) throw error;
      onLost(error);
    }
    await pause(interval);
  }
}

async function* statusesOf(remote: RemoteRun): AsyncGenerator<RunStatus, void, undefined> {
  try {
    yield* remote.watch();
  } finally {
    remote.close();
  }
}

const mayComeBack = (error: unknown): error is CoxswainError =>
  error instanceof CoxswainError &&
  !(error instanceof RunOver) &&
  (error.code === "network" || error.code === "cluster");
