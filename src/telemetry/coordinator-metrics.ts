/** A coordinator's metrics. Dashboards and alerts depend on names, types and labels: add, don't rename. */
import {
  addBuildInfo,
  durationBuckets,
  MetricRegistry,
  runInfoLabels,
  type Counter,
  type Gauge,
  type Histogram,
  type MetricsText,
} from "./prometheus.js";

export const tokenKinds = ["all", "supervised"] as const;
/** compute: from lease to the last contribution; reduce: sum and norm; apply: the update; total: commit to commit. */
export const stepPhases = ["compute", "reduce", "apply", "total"] as const;
/** loading: the model; synchronising: pulling the replica; active: computing, or ready to; draining: about to leave. */
export const workerStates = ["loading", "synchronising", "active", "draining"] as const;
/** done: committed; expired: too late; stolen: given to a faster worker; lost: the worker has left. */
export const leaseResults = ["done", "expired", "stolen", "lost"] as const;
/** Seen from the process that exports the metric. */
export const directions = ["received", "sent"] as const;
/** completed: all steps; stopped: by a user; failed: by an error. */
export const runOutcomes = ["completed", "stopped", "failed"] as const;
/** drained: it announced that it leaves; lost: its connection ended, or it was silent for too long. */
export const departures = ["drained", "lost"] as const;
export type Departure = (typeof departures)[number];

export interface CoordinatorMetrics extends MetricsText {
  /** Identity of the process: always 1. Dashboards and alerts join it on (job, instance). */
  readonly runInfo: Gauge<typeof runInfoLabels>;
  /** 1 for the outcome of the run; all 0 while it is running. */
  readonly runOutcome: Gauge<{ readonly outcome: typeof runOutcomes }>;
  /** Nats a supervised token. */
  readonly loss: Gauge;
  readonly evalLoss: Gauge;
  /** 0 to 1; absent unless it is measured. */
  readonly evalExactMatch: Gauge;
  /** The best evaluation so far, by `training.metric_for_best_model`: its value and its step. Absent without one. */
  readonly bestMetric: Gauge<{ readonly metric: null }>;
  readonly bestStep: Gauge;
  readonly learningRate: Gauge;
  /** Before clipping. */
  readonly gradNorm: Gauge;
  /** The newest committed step. */
  readonly step: Gauge;
  readonly stepsPlanned: Gauge;
  /** With a fraction. */
  readonly epoch: Gauge;
  readonly tokens: Counter<{ readonly kind: typeof tokenKinds }>;
  readonly stepDuration: Histogram<{ readonly phase: typeof stepPhases }>;
  /** Steps that were not applied because their loss or gradient was not a number: the run ends with the first. */
  readonly nonfiniteSteps: Counter;
  readonly workers: Gauge<{ readonly state: typeof workerStates }>;
  /** Minimum number of workers to begin a step. */
  readonly workersRequired: Gauge;
  /** While the run is under way. */
  readonly workersLeft: Counter<{ readonly how: typeof departures }>;
  readonly workerTokensPerSecond: Gauge<{ readonly worker: null }>;
  readonly leases: Counter<{ readonly result: typeof leaseResults }>;
  readonly allReduceBytes: Counter<{ readonly direction: typeof directions }>;
  readonly replicaMismatches: Counter;
  readonly sumsRejected: Counter;
  readonly shardsVerified: Counter;
  readonly workersPutOut: Counter;
  /** Seconds since 1970. */
  readonly checkpointLastSuccess: Gauge;
  /** Seconds the newest checkpoint took. */
  readonly checkpointDuration: Gauge;
  /** Steps from one checkpoint to the next, as the run file has it. */
  readonly checkpointInterval: Gauge;
  /** Seconds since 1970. */
  readonly lastCommit: Gauge;
  /** 1 while the run is paused. */
  readonly paused: Gauge;
  /** 1 while connected to NATS; absent if the run does not use it. */
  readonly natsConnected: Gauge;
  /** Events dropped because NATS was unavailable for too long. */
  readonly natsEventsDropped: Counter;
  /** `method` is the full name, `code` as gRPC spells it ("OK", "UNAVAILABLE"). */
  /** Connections and calls that a limit turned away, by limit. */
  readonly turnedAway: Counter<{ readonly reason: null }>;
  readonly grpcHandled: Counter<{ readonly method: null; readonly code: null }>;
  /** Vectors that used the gRPC library's own messages, at half the speed. */
  readonly bulkSlowPath: Counter<{ readonly direction: typeof directions }>;
}

/** @param version of Coxswain, for `coxswain_build_info` */
export function createCoordinatorMetrics(version: string): CoordinatorMetrics {
  const registry = new MetricRegistry("coxswain_");
  addBuildInfo(registry, "coordinator", version);
  return {
    contentType: registry.contentType,
    text: () => registry.text(),
    runInfo: registry.gauge("run_info", "Identity of the process: always 1.", runInfoLabels),
    runOutcome: registry.gauge("run_outcome", "Outcome of the run: 1 for the actual one; all 0 while it is running.", {
      outcome: runOutcomes,
    }),
    ...trainingMetrics(registry),
    ...checkpointMetrics(registry),
    ...clusterMetrics(registry),
  };
}

function trainingMetrics(registry: MetricRegistry) {
  return {
    loss: registry.gauge(
      "loss",
      "Training loss of the newest step: nats per supervised token, mean over the global batch.",
    ),
    evalLoss: registry.gauge("eval_loss", "Loss of the newest evaluation: nats per supervised token."),
    evalExactMatch: registry.gauge(
      "eval_exact_match",
      "Share of answers in the newest evaluation that equal the expected ones, 0 to 1.",
    ),
    bestMetric: registry.gauge("best_metric", "Best value of the metric by which evaluations are compared.", {
      metric: null,
    }),
    bestStep: registry.gauge("best_step", "Step of the best evaluation."),
    learningRate: registry.gauge("learning_rate", "Learning rate of the newest step."),
    gradNorm: registry.gauge("grad_norm", "Norm of the newest step's mean gradient, before clipping."),
    step: registry.gauge("step", "Newest committed step."),
    stepsPlanned: registry.gauge("steps_total_planned", "Total steps of the run."),
    epoch: registry.gauge("epoch", "Epochs trained, fractional."),
    tokens: registry.counter("tokens_total", "Tokens of committed steps: all, and supervised ones.", {
      kind: tokenKinds,
    }),
    stepDuration: registry.histogram(
      "step_duration_seconds",
      "Duration of committed steps in seconds: computing, reducing, applying, and total.",
      durationBuckets,
      { phase: stepPhases },
    ),
    nonfiniteSteps: registry.counter(
      "nonfinite_steps_total",
      "Steps that were not applied because their loss or gradient was not a finite number.",
    ),
    lastCommit: registry.gauge("last_commit_timestamp_seconds", "Time of the newest commit, in seconds since 1970."),
    paused: registry.gauge("paused", "1 while the run is paused, otherwise 0."),
  } as const;
}

function checkpointMetrics(registry: MetricRegistry) {
  return {
    checkpointLastSuccess: registry.gauge(
      "checkpoint_last_success_timestamp_seconds",
      "Time at which the newest checkpoint was complete on disk, in seconds since 1970.",
    ),
    checkpointDuration: registry.gauge(
      "checkpoint_duration_seconds",
      "Duration of writing the newest checkpoint, in seconds.",
    ),
    checkpointInterval: registry.gauge("checkpoint_interval_steps", "Steps between checkpoints."),
  } as const;
}

function clusterMetrics(registry: MetricRegistry) {
  return {
    workers: registry.gauge("workers", "Workers of the run by state.", { state: workerStates }),
    workersRequired: registry.gauge("workers_required", "Minimum number of active workers to begin a step."),
    workersLeft: registry.counter("workers_left_total", "Times that a worker left during the run.", {
      how: departures,
    }),
    workerTokensPerSecond: registry.gauge("worker_tokens_per_second", "Tokens per second of a worker.", {
      worker: null,
    }),
    leases: registry.counter("leases_total", "Leased shards by outcome.", { result: leaseResults }),
    allReduceBytes: registry.counter("all_reduce_bytes_total", "Bytes of gradients moved, without framing.", {
      direction: directions,
    }),
    replicaMismatches: registry.counter("replica_mismatch_total", "Replicas that differed from the coordinator's."),
    sumsRejected: registry.counter("sums_rejected_total", "Sums that differed from what their worker announced."),
    shardsVerified: registry.counter("shards_verified_total", "Shards that two workers computed, with the same bits."),
    workersPutOut: registry.counter("workers_put_out_total", "Workers that computed a wrong sum and were put out."),
    natsConnected: registry.gauge("nats_connected", "1 while connected to NATS, otherwise 0."),
    natsEventsDropped: registry.counter("nats_events_dropped_total", "Events of the run that did not reach NATS."),
    bulkSlowPath: registry.counter("bulk_slow_path_total", "Vectors moved by the gRPC library's slow path.", {
      direction: directions,
    }),
    turnedAway: registry.counter("turned_away_total", "Connections and calls that a limit turned away, by limit.", {
      reason: null,
    }),
    grpcHandled: registry.counter("grpc_server_handled_total", "gRPC calls that ended, by method and status code.", {
      method: null,
      code: null,
    }),
  } as const;
}
