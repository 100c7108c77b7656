/**
 * How a run is doing, as a plain object: what `coxswain status --json` prints and what travels to whoever asks. The names
 * are read by users' scripts: add, don't rename.
 */
import type { DeviceWord, EngineWord } from "../rpc/index.js";

/**
 * recovering: the coordinator was restarted, and waits for what the workers have. waiting: nothing is computed, `detail`
 * says why. pausing: what is in flight is finished first. stopping: it saves and ends. The last three are over.
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

/** Whether nothing more comes of a run in this state. */
export const isOver = (state: RunState): boolean => state === "completed" || state === "stopped" || state === "failed";

/** loading: the model. synchronising: pulling the replica. active: computing, or ready to. draining: about to leave. */
export const workerStates = ["loading", "synchronising", "active", "draining"] as const;

/** What a worker is doing. */
export type WorkerState = (typeof workerStates)[number];

/** Who adds up the gradients: the coordinator (star), or the workers, a slice each (mesh). */
export const allReduces = ["star", "mesh"] as const;

/** How a run is doing, at one moment. */
export interface RunStatus {
  /** Which run, and which life of its coordinator. */
  readonly run_id: string;
  /** Names the run through all lives of its coordinator: runs of one digest are the same at every step. */
  readonly run_digest: string;
  /** Of Coxswain, at the coordinator. */
  readonly version: string;
  /** Of the coordinator's machine. */
  readonly host: string;
  /** The coordinator's process. */
  readonly pid: number;
  /** Absolute, on the coordinator's machine. */
  readonly output_dir: string;
  /** As the run file has it. */
  readonly model: string;
  readonly state: RunState;
  /** Why, for people: what is waited for, who asked for a pause, how it failed. */
  readonly detail: string | null;
  /** The newest committed step; 0 before the first. */
  readonly step: number;
  readonly total_steps: number;
  /** Epochs trained, with a fraction. This and the five below are of the newest step; null before this coordinator's first. */
  readonly epoch: number | null;
  /** Nats a supervised token, mean over the global batch. */
  readonly loss: number | null;
  /** The rate that the step used. */
  readonly learning_rate: number | null;
  /** Norm of the mean gradient before clipping. */
  readonly grad_norm: number | null;
  /** Of all workers together, without padding. */
  readonly tokens_per_second: number | null;
  /** Seconds a step, smoothed over the last ones; a pause does not count. */
  readonly seconds_per_step: number | null;
  /** Seconds of training to the end at that speed, without pauses. */
  readonly seconds_left: number | null;
  /** The newest evaluation of this coordinator. */
  readonly evaluation: { readonly step: number; readonly eval_loss: number } | null;
  /** The newest that is whole on the disk. `time` is ISO 8601, UTC. */
  readonly checkpoint: { readonly step: number; readonly path: string; readonly time: string } | null;
  /** When this coordinator started, ISO 8601, UTC. */
  readonly started_at: string;
  readonly all_reduce: (typeof allReduces)[number];
  /** Those who take part, in the order in which they came. */
  readonly workers: readonly WorkerStatus[];
}

/** How a worker of a run is doing. */
export interface WorkerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly state: WorkerState;
  /** It has stopped getting on with its work, and is given nothing more until it does. */
  readonly late: boolean;
  /** Others can pull from its own server; false: it pushes. */
  readonly reachable: boolean;
  /** Null while it loads the model, as the two below. */
  readonly engine: EngineWord | null;
  /** The runtime below the engine. */
  readonly backend: string | null;
  readonly device: DeviceWord | null;
  /** While it computes; null before its first shard. */
  readonly tokens_per_second: number | null;
  /** In the step or evaluation in flight: leased and not delivered. */
  readonly shards_held: number;
  /** In the step or evaluation in flight: computed. */
  readonly shards_done: number;
  /** When it joined, ISO 8601, UTC. */
  readonly joined_at: string;
}
