/** Observes what a worker does, for its metrics. */
import type { WorkerActivity, WorkerMembership } from "../telemetry/index.js";
import type { ShardMeasurement } from "./gradient/shard-runner.js";

export interface WorkerObserver {
  /** Connected to a coordinator, or not. */
  connected(connected: boolean): void;
  /** A run has welcomed the worker. */
  welcomed(membership: WorkerMembership): void;
  activity(activity: WorkerActivity): void;
  shard(shard: ShardMeasurement): void;
  /** The replica is at this step. */
  applied(step: number): void;
  /** A commit was applied, in seconds without the wait for its gradient. */
  committed(seconds: number): void;
  /** Bytes of gradients were received or sent. */
  moved(bytes: number, direction: "received" | "sent"): void;
}
