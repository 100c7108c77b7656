/** The metrics of a sweep, set from its state when they are read. */
import { runNames } from "../../config/index.js";
import { createSweepMetrics, trialStates, type MetricsText } from "../../telemetry/index.js";
import { version } from "../../version.js";
import type { Sweep } from "../load.js";
import type { SweepStatus } from "../status.js";

export interface MeasuredSweep extends MetricsText {
  /** A trial has committed a step. @param time ms since 1970 */
  step(time: number): void;
}

export function measureSweep({ base, outputDir }: Sweep, status: () => SweepStatus): MeasuredSweep {
  const metrics = createSweepMetrics(version);
  const names = runNames({ output_dir: outputDir, model: base.config.model });
  metrics.runInfo.set(1, { ...names, role: "sweep", worker: "" });
  const read = (): void => {
    const { trials, workers, rung, rungs, best, metric, complete } = status();
    for (const state of trialStates)
      metrics.trials.set(trials.filter((trial) => trial.state === state).length, { state });
    metrics.workers.set(workers);
    metrics.rung.set(rung + 1);
    metrics.rungs.set(rungs.length);
    metrics.complete.set(complete ? 1 : 0);
    const value = trials.find(({ trial }) => trial === best)?.value;
    if (best === null || value === null || value === undefined) return;
    metrics.bestTrial.set(best);
    metrics.bestValue.set(value, { metric });
  };
  return {
    contentType: metrics.contentType,
    text: () => {
      read();
      return metrics.text();
    },
    step: (time) => {
      metrics.steps.add(1);
      metrics.lastCommit.set(time / 1000);
    },
  };
}
