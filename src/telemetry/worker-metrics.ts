/**
 * A worker's metrics. Their names begin with `coxswain_worker_`, so that a sum over all targets of a scrape does
 * not count the coordinator's tokens and bytes twice.
 */
import { directions, tokenKinds } from "./coordinator-metrics.js";
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

/** connecting: no coordinator; loading: the model; idle: nothing leased; computing: a shard. */
export const workerActivities = ["connecting", "loading", "idle", "computing"] as const;
export type WorkerActivity = (typeof workerActivities)[number];

/** The run of a worker, and the worker's id in it. */
export interface WorkerMembership {
  readonly run: string;
  readonly model: string;
  readonly worker: string;
}

export interface WorkerMetrics extends MetricsText {
  /** Whose metrics these are from here on. */
  setMembership(membership: WorkerMembership): void;
  /** Tokens of shards computed, whether or not a step used them. */
  readonly tokens: Counter<{ readonly kind: typeof tokenKinds }>;
  readonly shards: Counter;
  readonly shardDuration: Histogram;
  readonly applyDuration: Histogram;
  /** The step that the replica is at. */
  readonly step: Gauge;
  readonly allReduceBytes: Counter<{ readonly direction: typeof directions }>;
  /** Vectors that used the gRPC library's own messages, at half the speed. */
  readonly bulkSlowPath: Counter<{ readonly direction: typeof directions }>;
  /** 1 while connected to a coordinator, otherwise 0. */
  readonly connected: Gauge;
  readonly connections: Counter;
  /** One of the states is 1, the rest 0. */
  setActivity(activity: WorkerActivity): void;
}

/** @param version of Coxswain, for `coxswain_build_info` */
export function createWorkerMetrics(version: string): WorkerMetrics {
  const registry = new MetricRegistry("coxswain_");
  addBuildInfo(registry, "worker", version);
  const activity = registry.gauge("worker_state", "State of the worker: 1 for the current state, 0 for the others.", {
    state: workerActivities,
  });
  const setActivity = (current: WorkerActivity): void => {
    for (const state of workerActivities) activity.set(state === current ? 1 : 0, { state });
  };
  setActivity("connecting");
  const runInfo = registry.gauge("run_info", "Identity of the process: always 1.", runInfoLabels);
  const connected = registry.gauge(
    "worker_connected",
    "1 while the worker is connected to a coordinator, otherwise 0.",
  );
  connected.set(0);
  registry.readGauge(
    "worker_peak_memory_bytes",
    "Peak resident memory of the process, including shared pages of model files.",
    () => process.resourceUsage().maxRSS * 1024,
  );
  return {
    contentType: registry.contentType,
    text: () => registry.text(),
    setMembership: (membership) => {
      // One series: queries join the others with it by their scrape target.
      runInfo.clear();
      runInfo.set(1, { ...membership, role: "worker" });
    },
    tokens: registry.counter("worker_tokens_total", "Tokens of computed shards: all, and supervised ones.", {
      kind: tokenKinds,
    }),
    shards: registry.counter("worker_shards_total", "Shards computed."),
    shardDuration: registry.histogram(
      "worker_shard_duration_seconds",
      "Duration of computing a shard, in seconds.",
      durationBuckets,
    ),
    applyDuration: registry.histogram(
      "worker_apply_duration_seconds",
      "Duration of applying a commit, in seconds.",
      durationBuckets,
    ),
    step: registry.gauge("worker_step", "Step of the worker's replica."),
    allReduceBytes: registry.counter("worker_all_reduce_bytes_total", "Bytes of gradients moved, without framing.", {
      direction: directions,
    }),
    bulkSlowPath: registry.counter("worker_bulk_slow_path_total", "Vectors moved by the gRPC library's slow path.", {
      direction: directions,
    }),
    connected,
    connections: registry.counter("worker_connections_total", "Times that the worker connected to a coordinator."),
    setActivity,
  };
}
