/** `train()`: starts a coordinator and local worker processes, like `coxswain train`. */
import { checkOptions } from "./check-options.js";
import { rejectingWell } from "./errors.js";
import { loadRun } from "./load-run.js";
import type { RunSource } from "./load-run.js";
import { openRun } from "./open-run.js";
import type { TrainingRun, TrainOptions } from "./run.js";
import { trainOptionKinds } from "./start-coordinator.js";

/**
 * Trains an adapter: starts a coordinator in this process and the run's `workers` as processes on this machine, and
 * resolves once they are being started. The adapter has the same bits as that of `coxswain train`.
 *
 * ```ts
 * const run = await train({ model: "./model", output_dir: "out", data: { train: "train.jsonl" } });
 * for await (const { step, loss } of run.steps) console.log(step, loss);
 * const { adapter } = await run.result;
 * ```
 *
 * @param run the path of a run file, or an object with its keys
 * @param options how to execute it
 * @throws CoxswainError "config", "data" or "model" if the run is invalid, "network" if its port is in use, "usage" for
 *   invalid options, "interrupted" if `signal` is aborted before the run has started
 */
export async function train(run: RunSource, options: TrainOptions = {}): Promise<TrainingRun> {
  return rejectingWell(async () => {
    checkOptions("train()", options, trainOptionKinds);
    const { overrides, ...how } = options;
    const loaded = await loadRun(run, overrides);
    return (await openRun(loaded, { ...how, localWorkers: true })).run;
  });
}
