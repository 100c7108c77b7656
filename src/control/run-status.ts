/**
 * The status of a run as a plain object, as printed by `coxswain status --json` and sent to clients. Users' scripts
 * depend on the names: add fields, don't rename them.
 */
import type { DeviceWord, EngineWord } from "../rpc/index.js";

/**
 * recovering: the coordinator was restarted, and waits for the workers to report the replicas that they hold. waiting:
 * nothing is being computed; `detail` gives the reason. pausing: the step or evaluation in flight is finished first.
 * stopping: the run saves and ends. In the last three, the run is over.
 */
export const runStates = [
  "recovering",
  "waiting",
  "training",
  "evaluating",
  "pausing",
  "paused",
  "stopping",
  "completed",
  "stopped",
  "failed",
] as const;

/** What a run is doing: one of the words of `runStates`. */
export type RunState = (typeof runStates)[number];

/** Whether the run has ended. */
export const isOver = (state: RunState): boolean => state === "completed" || state === "stopped" || state === "failed";

/** loading: the model. synchronising: the replica. active: computing, or ready to. draining: about to leave. */
export const workerStates = ["loading", "synchronising", "active", "draining"] as const;

/** What a worker is doing. */
export type WorkerState = (typeof workerStates)[number];

/** Where gradients are summed: in the coordinator (star), or in the workers, one slice each (mesh). */
export const allReduces = ["star", "mesh"] as const;

/** The evaluation with the best metric. */
export interface BestOfRun {
  /** eval_loss or exact_match. */
  readonly metric: string;
  readonly step: number;
  readonly value: number;
}

/** How a run is doing, at one moment. */
export interface RunStatus {
  /** Identifies the run and the incarnation of its coordinator. */
  readonly run_id: string;
  /** Identifies the run across restarts of its coordinator: runs with equal digests are equal at every step. */
  readonly run_digest: string;
  /** The coordinator's version of Coxswain. */
  readonly version: string;
  /** Host name of the coordinator's machine. */
  readonly host: string;
  /** The coordinator's process id. */
  readonly pid: number;
  /** Absolute path on the coordinator's machine. */
  readonly output_dir: string;
  /** As written in the run file. */
  readonly model: string;
  readonly state: RunState;
  /** The reason for the state, for people: what it waits for, who paused it, why it failed. */
  readonly detail: string | null;
  /** The newest committed step; 0 before the first. */
  readonly step: number;
  readonly total_steps: number;
  /**
   * Epochs trained, fractional. This and the five below refer to the newest step; null before this coordinator's first.
   */
  readonly epoch: number | null;
  /** Nats per supervised token, mean over the global batch. */
  readonly loss: number | null;
  /** Learning rate of the step. */
  readonly learning_rate: number | null;
  /** Norm of the mean gradient before clipping. */
  readonly grad_norm: number | null;
  /** Total of all workers, without padding. */
  readonly tokens_per_second: number | null;
  /** Seconds per step, smoothed over the last steps, without pauses. */
  readonly seconds_per_step: number | null;
  /** Estimated seconds to the end at that speed, without pauses. */
  readonly seconds_left: number | null;
  /** The newest evaluation of this coordinator. */
  readonly evaluation: {
    readonly step: number;
    readonly eval_loss: number;
    /** Share of the answers that equal the expected ones, 0 to 1; null if it is not measured. */
    readonly eval_exact_match: number | null;
  } | null;
  /** The best evaluation by `training.metric_for_best_model`, across restarts; null without one. */
  readonly best: BestOfRun | null;
  /** The newest checkpoint that is complete on disk. `time` is ISO 8601, UTC. */
  readonly checkpoint: { readonly step: number; readonly path: string; readonly time: string } | null;
  /** When this coordinator started, ISO 8601, UTC. */
  readonly started_at: string;
  readonly all_reduce: (typeof allReduces)[number];
  /** Connected workers, in the order in which they joined. */
  readonly workers: readonly WorkerStatus[];
}

/** How a worker of a run is doing. */
export interface WorkerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly state: WorkerState;
  /** It makes no progress, and gets no more work until it does. */
  readonly late: boolean;
  /** Others can pull from its server; false: it pushes. */
  readonly reachable: boolean;
  /** Null while it loads the model, like the two below. */
  readonly engine: EngineWord | null;
  /** The engine's runtime. */
  readonly backend: string | null;
  readonly device: DeviceWord | null;
  /** Speed while computing; null before its first shard. */
  readonly tokens_per_second: number | null;
  /** In the step or evaluation in flight: leased and not delivered. */
  readonly shards_held: number;
  /** In the step or evaluation in flight: computed. */
  readonly shards_done: number;
  /** When it joined, ISO 8601, UTC. */
  readonly joined_at: string;
}
