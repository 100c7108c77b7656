/** A sweep's metrics. Dashboards depend on names, types and labels: add, don't rename. */
import {
  addBuildInfo,
  MetricRegistry,
  runInfoLabels,
  type Counter,
  type Gauge,
  type LabelSpec,
  type MetricsText,
} from "./prometheus.js";

/** As `TrialState` of src/sweep. */
export const trialStates = [
  "waiting",
  "starting",
  "training",
  "paused",
  "pruned",
  "completed",
  "diverged",
  "failed",
  "stopped",
] as const;

const trialLabels = { state: trialStates } as const satisfies LabelSpec;

export interface SweepMetrics extends MetricsText {
  /** Identity of the process: always 1. */
  readonly runInfo: Gauge<typeof runInfoLabels>;
  readonly trials: Gauge<typeof trialLabels>;
  readonly workers: Gauge;
  /** The rung that is being trained, from 1, and how many there are. */
  readonly rung: Gauge;
  readonly rungs: Gauge;
  /** Of the best trial that was trained to its end; absent until there is one. */
  readonly bestValue: Gauge<{ readonly metric: null }>;
  readonly bestTrial: Gauge;
  /** Of all trials, since this process started. */
  readonly steps: Counter;
  /** Seconds since 1970. */
  readonly lastCommit: Gauge;
  /** 1 once every trial has ended. */
  readonly complete: Gauge;
}

/** @param version of Coxswain, for `coxswain_build_info` */
export function createSweepMetrics(version: string): SweepMetrics {
  const registry = new MetricRegistry("coxswain_");
  addBuildInfo(registry, "sweep", version);
  return {
    contentType: registry.contentType,
    text: () => registry.text(),
    runInfo: registry.gauge("run_info", "Identity of the process: always 1.", runInfoLabels),
    trials: registry.gauge("sweep_trials", "Trials of the sweep by state.", trialLabels),
    workers: registry.gauge("sweep_workers", "Workers that are connected to the sweep."),
    rung: registry.gauge("sweep_rung", "Rung that is being trained, from 1."),
    rungs: registry.gauge("sweep_rungs", "Number of rungs, including the end of the run."),
    bestValue: registry.gauge(
      "sweep_best_value",
      "Metric of the best trial that was trained to its end: evaluation loss, or exact match, 0 to 1.",
      { metric: null },
    ),
    bestTrial: registry.gauge("sweep_best_trial", "Number of the best trial that was trained to its end."),
    steps: registry.counter("sweep_steps_total", "Steps committed by all trials since the sweep was started."),
    lastCommit: registry.gauge(
      "sweep_last_commit_timestamp_seconds",
      "Time of the newest step of any trial, in seconds since 1970.",
    ),
    complete: registry.gauge("sweep_complete", "1 once every trial has ended, otherwise 0."),
  };
}
