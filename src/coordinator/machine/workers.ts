/** What the machine knows of each worker. */
import type { StepNumber } from "../../ids.js";
import type { ShardResult, WorkerId } from "./types.js";

/**
 * loading: joined, has no model yet. synchronising: was told to take the replica, or is behind the last commit.
 * active: its replica equals ours; it is leased work.
 */
export type WorkerPhase = "loading" | "synchronising" | "active";

export interface WorkerRecord {
  readonly id: WorkerId;
  phase: WorkerPhase;
  /** The machine's clock, ms. */
  lastHeard: number;
  /** The newest step that it says it has applied. */
  applied: StepNumber | undefined;
  /** Seconds a shard, smoothed; undefined before its first result. */
  secondsPerShard: number | undefined;
}

/** How much a new measurement counts. */
const smoothing = 0.3;

export function measure(worker: WorkerRecord, results: readonly ShardResult[]): void {
  for (const { seconds } of results) {
    if (!(seconds > 0) || !Number.isFinite(seconds)) continue;
    worker.secondsPerShard =
      worker.secondsPerShard === undefined
        ? seconds
        : worker.secondsPerShard + smoothing * (seconds - worker.secondsPerShard);
  }
}

/** Shards a second of each worker; one without a measurement is taken to be like the average of the others. */
export function speedsOf(workers: readonly WorkerRecord[]): number[] {
  const known = workers.flatMap(({ secondsPerShard }) => (secondsPerShard === undefined ? [] : [1 / secondsPerShard]));
  const average = known.length === 0 ? 1 : known.reduce((a, b) => a + b, 0) / known.length;
  return workers.map(({ secondsPerShard }) => (secondsPerShard === undefined ? average : 1 / secondsPerShard));
}
