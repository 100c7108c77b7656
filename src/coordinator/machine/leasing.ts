/** Who computes what: leases unleased shards, balances the end of a round, and takes work from late workers. */
import { runsOf } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";
import { planRanges } from "./plan.js";
import type { Round } from "./round.js";
import { planTheft } from "./steal.js";
import type { Busy, Theft } from "./steal.js";
import type { Effect, Event, LeaseKind, WorkerId } from "./types.js";
import { expectedSeconds, lateTimes, speedsOf } from "./workers.js";
import type { WorkerRecord } from "./workers.js";

/** Denotes all workers. */
const everyone: unique symbol = Symbol("everyone");

/** Who may take work from others now. The cost for everyone is quadratic in the number of workers. */
export type MayTake = WorkerId | typeof everyone | undefined;

/** On a tick, every worker may take work; otherwise only the worker that has just finished its work. */
export function mayTakeAfter(event: Event): MayTake {
  if (event.type === "tick") return everyone;
  return event.type === "computed" || event.type === "applied" || event.type === "idle" ? event.worker : undefined;
}

/**
 * Leases unleased shards, then lets idle workers take shards from the workers that are expected to finish last.
 * @param workers workers that may be leased work
 */
export function assign(round: Round, workers: readonly WorkerRecord[], mayTake: MayTake, now: number): Effect[] {
  if (round.closed || (mayTake === undefined && !round.hasUnleased)) return [];
  const able = workers.filter(({ late }) => !late);
  if (able.length === 0) return [];
  return [...leaseUnleased(round, able, now), ...stealForIdle(round, able, mayTake, now)];
}

function leaseUnleased(round: Round, workers: readonly WorkerRecord[], now: number): Effect[] {
  const unleased = round.unleased();
  if (unleased.length === 0) return [];
  const speeds = speedsOf(workers);
  const capacities = workers.map(({ id }, index) => ({
    worker: id,
    speed: speeds[index] ?? 1,
    outstanding: round.queue(id).length,
  }));
  const records = new Map(workers.map((worker) => [worker.id, worker]));
  return planRanges(unleased, capacities).map(({ worker, first, count }) =>
    lease(round, records.get(worker), { worker, first, count, kind: "first" }, now),
  );
}

function stealForIdle(round: Round, workers: readonly WorkerRecord[], mayTake: MayTake, now: number): Effect[] {
  const idle = workers.filter(({ id }) => (mayTake === everyone || id === mayTake) && round.queue(id).length === 0);
  if (idle.length === 0 || idle.length === workers.length) return [];
  const secondsOf = expectedSeconds(workers);
  let others: Busy[] | undefined;
  return idle
    .sort((a, b) => secondsOf(a) - secondsOf(b))
    .flatMap((worker) => {
      // Every theft changes the queues: recompute them for the next one.
      others ??= workers
        .filter(({ id }) => round.queue(id).length > 0)
        .map((other) => busy(round, other, secondsOf(other), now));
      const theft = planTheft({ worker: worker.id, secondsPerShard: secondsOf(worker) }, others);
      if (theft === undefined) return [];
      others = undefined;
      return carryOut(round, worker, theft, now);
    });
}

function busy(round: Round, worker: WorkerRecord, secondsPerShard: number, now: number): Busy {
  const queue = round.queue(worker.id);
  const [first] = queue;
  return {
    worker: worker.id,
    secondsPerShard,
    queue,
    elapsed: (now - worker.progressAt) / 1000,
    alone: first !== undefined && round.alone(first),
  };
}

function carryOut(round: Round, idle: WorkerRecord, { from, shards, duplicate }: Theft, now: number): Effect[] {
  const revokes = duplicate ? [] : revoke(round, from, shards, false);
  const leases = runsOf(shards).map((run) => lease(round, idle, { worker: idle.id, ...run, kind: "stolen" }, now));
  return [...revokes, ...leases];
}

interface Grant {
  readonly worker: WorkerId;
  readonly first: ShardIndex;
  readonly count: number;
  readonly kind: LeaseKind;
}

function lease(
  round: Round,
  record: WorkerRecord | undefined,
  { worker, first, count, kind }: Grant,
  now: number,
): Effect {
  if (record !== undefined && round.queue(worker).length === 0) record.progressAt = now;
  const again = round.lease(worker, first, count);
  const { task, step, size: roundShards, slices } = round;
  return {
    type: "lease",
    worker,
    task,
    step,
    first,
    count,
    roundShards,
    kind: kind === "first" && again ? "again" : kind,
    slices,
  };
}

/** Revokes shards from a worker that is still connected. */
export function revoke(round: Round, worker: WorkerId, shards: readonly ShardIndex[], lost: boolean): Effect[] {
  round.revoke(worker, shards, lost);
  const { task, step } = round;
  return runsOf(shards).map((run) => ({ type: "revoke", worker, task, step, ...run }));
}

/** Marks workers that made no progress for too long as late, and frees their shards for others. */
export function expire(round: Round, active: readonly WorkerRecord[], now: number): Effect[] {
  if (round.closed) return [];
  const times = lateTimes(active);
  return active.flatMap((worker, index) => {
    if (worker.late || now <= (times[index] ?? Infinity)) return [];
    const shards = round.leased(worker.id);
    if (shards.length === 0) return [];
    worker.late = true;
    const reason = `no progress for ${((now - worker.progressAt) / 1000).toFixed(1)} s`;
    return [
      ...revoke(round, worker.id, shards, true),
      { type: "lost", worker: worker.id, count: shards.length, late: true, reason } as const,
    ];
  });
}
