/** Who hears what a worker does: its metrics. */
import type { WorkerActivity, WorkerMembership } from "../telemetry/index.js";
import type { ShardMeasurement } from "./gradient/shard-runner.js";

export interface WorkerObserver {
  /** Connected to a coordinator, or not. */
  connected(connected: boolean): void;
  /** A run took it in. */
  welcomed(membership: WorkerMembership): void;
  activity(activity: WorkerActivity): void;
  shard(shard: ShardMeasurement): void;
  /** The replica is at this step. */
  applied(step: number): void;
  /** A commit was applied in so many seconds, the waiting for its gradient left out. */
  committed(seconds: number): void;
  /** So many bytes of gradients came to this worker, or left it. */
  moved(bytes: number, direction: "received" | "sent"): void;
}
