/** The machine's record of each worker, and the estimate of its speed. */
import type { StepNumber } from "../../ids.js";
import type { HeldReplica, ShardResult, WorkerId } from "./types.js";

/**
 * loading: joined, has not loaded the model yet. offering: has loaded the model and waits while a restarted coordinator
 * decides which replica the run resumes from. synchronising: was instructed to fetch the replica, or is behind the last
 * commit. active: its replica equals the coordinator's; it is leased work. draining: it wants to leave.
 */
export type WorkerPhase = "loading" | "offering" | "synchronising" | "active" | "draining";

export interface WorkerRecord {
  readonly id: WorkerId;
  phase: WorkerPhase;
  /** Others can pull from it. */
  reachable: boolean;
  /** What it computes with: workers of one kind compute the same bits. */
  kind: string;
  /** The replica that it reported when it was ready. */
  offer: HeldReplica | undefined;
  /** The machine's clock, ms. */
  lastHeard: number;
  /** When it last made progress, or was leased work while idle; the machine's clock, ms. */
  progressAt: number;
  /** It made no progress for too long; it is leased no work until it makes progress. */
  late: boolean;
  /** It took too long to sum a slice, perhaps waiting for others' sums; it gets no other until it makes progress. */
  lateReducer: boolean;
  /** The newest step that it reported as applied. */
  applied: StepNumber | undefined;
  /** Consecutive sums that could not be fetched from it. */
  failures: number;
  /** Its sums that were not what it announced. */
  differences: number;
  /** Seconds per shard of the kind of work in flight, smoothed; undefined before its first result. */
  secondsPerShard: number | undefined;
  /** The same of the other kind: generating takes other times than computing losses and gradients. */
  otherSecondsPerShard: number | undefined;
}

export const newWorker = (id: WorkerId, now: number): WorkerRecord => ({
  id,
  phase: "loading",
  reachable: false,
  kind: "",
  offer: undefined,
  lastHeard: now,
  progressAt: now,
  late: false,
  lateReducer: false,
  applied: undefined,
  failures: 0,
  differences: 0,
  secondsPerShard: undefined,
  otherSecondsPerShard: undefined,
});

export function progressed(worker: WorkerRecord, now: number): void {
  worker.progressAt = now;
  worker.late = false;
  worker.lateReducer = false;
}

/** Weight of a new measurement in the exponential moving average. */
const smoothing = 0.3;

/** Updates the worker's speed with the computation time of a shard. */
export function measure(worker: WorkerRecord, { seconds }: ShardResult): void {
  if (!(seconds > 0) || !Number.isFinite(seconds)) return;
  const known = worker.secondsPerShard;
  worker.secondsPerShard = known === undefined ? seconds : known + smoothing * (seconds - known);
}

/** Work of the other kind begins. */
export function changeKind(worker: WorkerRecord): void {
  const { secondsPerShard, otherSecondsPerShard } = worker;
  worker.secondsPerShard = otherSecondsPerShard;
  worker.otherSecondsPerShard = secondsPerShard;
}

/** Average shards per second of the workers with a measurement; 1 if there is none. */
function averageSpeed(workers: readonly WorkerRecord[]): number {
  let sum = 0;
  let known = 0;
  for (const { secondsPerShard } of workers) {
    if (secondsPerShard === undefined) continue;
    sum += 1 / secondsPerShard;
    known++;
  }
  return known === 0 ? 1 : sum / known;
}

/** Expected seconds per shard; a worker without a measurement is assumed to have the average speed of the others. */
export function expectedSeconds(workers: readonly WorkerRecord[]): (worker: WorkerRecord) => number {
  let average: number | undefined;
  return ({ secondsPerShard }) => secondsPerShard ?? (average ??= 1 / averageSpeed(workers));
}

/** Shards per second of each worker. */
export function speedsOf(workers: readonly WorkerRecord[]): number[] {
  const secondsOf = expectedSeconds(workers);
  return workers.map((worker) => 1 / secondsOf(worker));
}

/**
 * A worker is late when a shard takes longer than `factor` times its expected time plus `grace` ms. The first shard may
 * take longer than later ones: memory is allocated and kernels are compiled.
 */
const lateness = { factor: 4, grace: 2_000 };
const latenessOfFirst = { factor: 10, grace: 10_000 };

/**
 * When each worker that has work becomes late if it makes no progress, on the machine's clock, ms. Infinity while no
 * worker's speed is known: then only the heartbeat is checked.
 */
export function lateTimes(workers: readonly WorkerRecord[]): number[] {
  if (workers.every(({ secondsPerShard }) => secondsPerShard === undefined)) return workers.map(() => Infinity);
  const speeds = speedsOf(workers);
  return workers.map(({ progressAt, secondsPerShard }, index) => {
    const { factor, grace } = secondsPerShard === undefined ? latenessOfFirst : lateness;
    return progressAt + (factor * 1000) / (speeds[index] ?? 1) + grace;
  });
}
