/**
 * Balances the end of a round: an idle worker takes the tail of the queue that is expected to finish last or, if that
 * worker is slow and at its last shard, computes the same shard concurrently. Pure.
 */
import type { ShardIndex } from "../../ids.js";
import type { WorkerId } from "./types.js";

export interface Idle {
  readonly worker: WorkerId;
  readonly secondsPerShard: number;
}

export interface Busy {
  readonly worker: WorkerId;
  readonly secondsPerShard: number;
  /** Shards still to compute, in order; the first one has begun. */
  readonly queue: readonly ShardIndex[];
  /** Seconds since it began the first shard. */
  readonly elapsed: number;
  /** No other worker computes the first shard. */
  readonly alone: boolean;
}

export interface Theft {
  readonly from: WorkerId;
  readonly shards: readonly ShardIndex[];
  /** `from` continues to compute the shard: the first sum counts. */
  readonly duplicate: boolean;
}

/** Minimum ratio of the remaining time to the idle worker's shard time for a duplicate, which costs time and power. */
const duplicateGain = 1.25;

/** Seconds until a worker finishes its queue. An overdue shard is expected to take another half of its elapsed time. */
function remaining({ secondsPerShard, queue, elapsed }: Busy): number {
  const first = elapsed < secondsPerShard ? secondsPerShard - elapsed : elapsed / 2;
  return first + (queue.length - 1) * secondsPerShard;
}

/** What `idle` should take; undefined if no theft would make the round finish earlier. */
export function planTheft(idle: Idle, others: readonly Busy[]): Theft | undefined {
  // A worker that will finish before `idle` could compute one shard needs no help.
  const victims = others
    .map((busy) => ({ busy, time: remaining(busy) }))
    .filter(({ busy, time }) => busy.queue.length > 0 && time > idle.secondsPerShard)
    .sort((a, b) => b.time - a.time);
  for (const { busy, time } of victims) {
    const count = tailToTake(idle, busy, time);
    if (count > 0) return { from: busy.worker, shards: busy.queue.slice(-count), duplicate: false };
    const [only] = busy.queue;
    if (only !== undefined && busy.queue.length === 1 && busy.alone && time > duplicateGain * idle.secondsPerShard)
      return { from: busy.worker, shards: [only], duplicate: true };
  }
  return undefined;
}

/** The number of tail shards, excluding the one in progress, that minimises when the later of both workers finishes. */
function tailToTake(idle: Idle, busy: Busy, time: number): number {
  let best = { count: 0, end: time };
  for (let count = 1; count < busy.queue.length; count++) {
    const end = Math.max(time - count * busy.secondsPerShard, count * idle.secondsPerShard);
    if (end < best.end) best = { count, end };
  }
  return best.count;
}
