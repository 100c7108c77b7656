/** `startCoordinator()`: starts a coordinator alone, like `coxswain coordinator`. */
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { rejectingWell } from "./errors.js";
import { loadRun } from "./load-run.js";
import type { RunSource } from "./load-run.js";
import { openRun } from "./open-run.js";
import type { CoordinatorOptions, TrainingRun, TrainOptions } from "./run.js";

export const trainOptionKinds: OptionKinds<TrainOptions> = {
  overrides: "an object",
  resume: "true or false",
  insecure: "true or false",
  rescue: "text",
  signal: "an AbortSignal",
  view: "an object with the functions step, note and waiting",
  onListening: "a function",
};

const coordinatorOptionKinds: OptionKinds<CoordinatorOptions> = { ...trainOptionKinds, stay: "true or false" };

/**
 * Starts a coordinator in this process and no workers, regardless of the run's `workers`: workers join at its address,
 * with {@link startWorker} or `coxswain worker --coordinator HOST:PORT`. No step begins with fewer than
 * `cluster.min_workers`.
 *
 * @param run the path of a run file, or an object with its keys
 * @param options how to execute it
 * @returns the run, once the coordinator listens
 * @throws CoxswainError as {@link train} does
 */
export async function startCoordinator(run: RunSource, options: CoordinatorOptions = {}): Promise<TrainingRun> {
  return rejectingWell(async () => {
    checkOptions("startCoordinator()", options, coordinatorOptionKinds);
    const { overrides, ...how } = options;
    const loaded = await loadRun(run, overrides);
    return (await openRun(loaded, { ...how, localWorkers: false })).run;
  });
}
