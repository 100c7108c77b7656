/**
 * Evens out the end of a round: a worker that has nothing to do takes over the tail of the one that would be last, or, where
 * that one is at its last shard already and slow, computes the same shard beside it. Pure.
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
  /** What it has to compute still, in its order; the first one is begun. */
  readonly queue: readonly ShardIndex[];
  /** Seconds since it began the first. */
  readonly elapsed: number;
  /** Nobody else computes the first one. */
  readonly alone: boolean;
}

export interface Theft {
  readonly from: WorkerId;
  readonly shards: readonly ShardIndex[];
  /** `from` goes on with it, too: the first sum counts. */
  readonly duplicate: boolean;
}

/** A shard is computed twice only where that promises to end this much earlier: its time counts, its power too. */
const duplicateGain = 1.25;

/** Seconds until a worker will have ended its queue. One that is over its time is expected to need half as long again. */
function remaining({ secondsPerShard, queue, elapsed }: Busy): number {
  const first = elapsed < secondsPerShard ? secondsPerShard - elapsed : elapsed / 2;
  return first + (queue.length - 1) * secondsPerShard;
}

/** What `idle` should take; undefined when nothing would end earlier for it. */
export function planTheft(idle: Idle, others: readonly Busy[]): Theft | undefined {
  // Who will be done before a single shard is done here needs no help.
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

/** How many shards from the tail, the begun one left out, make the later of the two end earliest. */
function tailToTake(idle: Idle, busy: Busy, time: number): number {
  let best = { count: 0, end: time };
  for (let count = 1; count < busy.queue.length; count++) {
    const end = Math.max(time - count * busy.secondsPerShard, count * idle.secondsPerShard);
    if (end < best.end) best = { count, end };
  }
  return best.count;
}
