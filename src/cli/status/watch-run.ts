/** Watches a run to its end, also when its coordinator dies and another one takes its place. Shows nothing. */
import { isOver } from "../../control/index.js";
import type { RemoteRun, RunStatus } from "../../control/index.js";
import { CoxswainError } from "../../errors.js";
import { RunOver } from "../control/locate-run.js";

export interface WatchOptions {
  /** Finds the run, and connects to it. */
  readonly reach: () => Promise<RemoteRun>;
  /** The coordinator, of which there was word before, is gone; it is looked for. Called for every attempt that failed. */
  readonly onLost: (error: CoxswainError) => void;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly pause: (duration: number) => Promise<void>;
}

/** How long a coordinator is looked for that is gone, ms: as long as workers look for theirs. */
const patience = 300_000;
/** Between two attempts, ms. */
const interval = 2_000;

/**
 * The run's statuses, as of `RemoteRun.watch`, through all lives of its coordinator.
 * @throws CoxswainError what the first connection ends with, and what the last attempt does where the coordinator does not
 *   come back
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
      throw new CoxswainError("network", "the coordinator ended without a word", { hint: "Its log says more." });
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
