/** What the machine knows of each worker, and how it judges its speed. */
import type { StepNumber } from "../../ids.js";
import type { HeldReplica, ShardResult, WorkerId } from "./types.js";

/**
 * loading: joined, has no model yet. offering: has its model, and waits while a restarted coordinator decides which
 * replica the run goes on from. synchronising: was told to take the replica, or is behind the last commit. active: its
 * replica equals ours; it is leased work. draining: it wants to go.
 */
export type WorkerPhase = "loading" | "offering" | "synchronising" | "active" | "draining";

export interface WorkerRecord {
  readonly id: WorkerId;
  phase: WorkerPhase;
  /** Others can pull from it. */
  reachable: boolean;
  /** What it said that it has when it joined. */
  offer: HeldReplica | undefined;
  /** The machine's clock, ms. */
  lastHeard: number;
  /** When it last got on with its work, or was given some after it had none; the machine's clock, ms. */
  progressAt: number;
  /** It has not got on with its work for so long that it is leased nothing more until it does. */
  late: boolean;
  /** It has not summed a slice for so long that it is given no other until it gets on: perhaps it waits for others' sums. */
  lateReducer: boolean;
  /** The newest step that it says it has applied. */
  applied: StepNumber | undefined;
  /** Sums that could not be had from it since the last one that could. */
  failures: number;
  /** Seconds a shard, smoothed; undefined before its first result. */
  secondsPerShard: number | undefined;
}

export const newWorker = (id: WorkerId, now: number): WorkerRecord => ({
  id,
  phase: "loading",
  reachable: false,
  offer: undefined,
  lastHeard: now,
  progressAt: now,
  late: false,
  lateReducer: false,
  applied: undefined,
  failures: 0,
  secondsPerShard: undefined,
});

/** It got on with its work. */
export function progressed(worker: WorkerRecord, now: number): void {
  worker.progressAt = now;
  worker.late = false;
  worker.lateReducer = false;
}

/** How much a new measurement counts. */
const smoothing = 0.3;

/** Takes a shard's computing time into the worker's speed. */
export function measure(worker: WorkerRecord, { seconds }: ShardResult): void {
  if (!(seconds > 0) || !Number.isFinite(seconds)) return;
  const known = worker.secondsPerShard;
  worker.secondsPerShard = known === undefined ? seconds : known + smoothing * (seconds - known);
}

/** Shards a second, of those who have been measured; 1 where nobody has. */
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

/** Seconds that a shard takes a worker; one without a measurement is taken to be like the average of the others. */
export function expectedSeconds(workers: readonly WorkerRecord[]): (worker: WorkerRecord) => number {
  let average: number | undefined;
  return ({ secondsPerShard }) => secondsPerShard ?? (average ??= 1 / averageSpeed(workers));
}

/** Shards a second of each worker. */
export function speedsOf(workers: readonly WorkerRecord[]): number[] {
  const secondsOf = expectedSeconds(workers);
  return workers.map((worker) => 1 / secondsOf(worker));
}

/**
 * A worker is late when a shard takes it so many times as long as it should, and this long beyond that, ms. The first
 * shard may take longer than its successors: memory is allocated, kernels are compiled.
 */
const lateness = { factor: 4, grace: 2_000 };
const latenessOfFirst = { factor: 10, grace: 10_000 };

/**
 * When each worker counts as late, if it has work and gets on with nothing, on the machine's clock. Never, as long as
 * nobody's speed is known: then its heartbeat alone is judged.
 */
export function lateTimes(workers: readonly WorkerRecord[]): number[] {
  if (workers.every(({ secondsPerShard }) => secondsPerShard === undefined)) return workers.map(() => Infinity);
  const speeds = speedsOf(workers);
  return workers.map(({ progressAt, secondsPerShard }, index) => {
    const { factor, grace } = secondsPerShard === undefined ? latenessOfFirst : lateness;
    return progressAt + (factor * 1000) / (speeds[index] ?? 1) + grace;
  });
}
