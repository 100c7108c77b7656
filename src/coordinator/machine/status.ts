/** What the state machine tells of itself: for metrics, for people, for whoever steers a run. Pure. */
import type { StepNumber } from "../../ids.js";
import type { Hold } from "./hold.js";
import type { Round } from "./round.js";
import type { Outcome, Task, WorkerId } from "./types.js";
import { speedsOf } from "./workers.js";
import type { WorkerPhase, WorkerRecord } from "./workers.js";

/**
 * recovering: which state the run goes on from is open. waiting: nothing is computed, see `waiting`. pausing: a pause was
 * asked for, and what is in flight is finished first. stopping: it saves and ends: it is complete, was told to, or failed.
 */
export type RunPhase =
  "recovering" | "waiting" | "training" | "evaluating" | "pausing" | "paused" | "stopping" | "ended";

export interface MachineStatus {
  readonly phase: RunPhase;
  readonly committed: StepNumber;
  /** What is being computed, or waits for a worker in the middle of it. */
  readonly inFlight: Task | undefined;
  /** How far the evaluation in flight is, in shards. */
  readonly evaluated: { readonly done: number; readonly total: number } | undefined;
  /** By phase; those that offer their replica are told as loading. */
  readonly workers: Readonly<Record<Exclude<WorkerPhase, "offering">, number>>;
  /** Shards a second by active worker. */
  readonly speeds: ReadonlyMap<WorkerId, number>;
  /** Why nothing is being computed, where that is so. */
  readonly waiting: string | undefined;
  /** The newest step was begun with workers as its reducers. */
  readonly meshed: boolean;
  /** Why it is stopping: what was said when it was told to, or the message of its failure. */
  readonly stopping: string | undefined;
  /** How it ended. */
  readonly outcome: Outcome | undefined;
}

/** A worker in the step or evaluation in flight. */
export interface MachineWorker {
  readonly id: WorkerId;
  readonly phase: Exclude<WorkerPhase, "offering">;
  /** It has not got on with its work for so long that it is leased nothing more until it does. */
  readonly late: boolean;
  /** Others can pull from it. */
  readonly reachable: boolean;
  /** Undefined before its first result. */
  readonly shardsPerSecond: number | undefined;
  /** To be computed, or computed and not announced yet. */
  readonly shardsHeld: number;
  readonly shardsDone: number;
}

/** Those who wait with what they have of the run are loading, for whoever does not know of recovery. */
export const shownPhase = (phase: WorkerPhase): Exclude<WorkerPhase, "offering"> =>
  phase === "offering" ? "loading" : phase;

export const machineWorker = (
  { id, phase, late, lateReducer, reachable, secondsPerShard }: WorkerRecord,
  round: Round | undefined,
): MachineWorker => ({
  id,
  phase: shownPhase(phase),
  late: late || lateReducer,
  reachable,
  shardsPerSecond: secondsPerShard === undefined ? undefined : 1 / secondsPerShard,
  shardsHeld: round?.leased(id).length ?? 0,
  shardsDone: round?.computed(id) ?? 0,
});

/** What the machine's parts say of the run. */
export interface RunFacts extends Pick<
  MachineStatus,
  "committed" | "inFlight" | "evaluated" | "meshed" | "stopping" | "outcome"
> {
  readonly workers: readonly WorkerRecord[];
  /** Those of them whose phase is "active". */
  readonly active: readonly WorkerRecord[];
  readonly minWorkers: number;
  /** Nothing new begins: it is complete, was told to stop, or failed. */
  readonly ending: boolean;
  readonly recovering: boolean;
  readonly hold: Hold;
}

export function machineStatus(facts: RunFacts): MachineStatus {
  const { active, committed, inFlight, evaluated, meshed, stopping, outcome } = facts;
  const workers = { loading: 0, synchronising: 0, active: 0, draining: 0 };
  for (const { phase } of facts.workers) workers[shownPhase(phase)]++;
  const speeds = speedsOf(active);
  return {
    phase: runPhase(facts),
    committed,
    inFlight,
    evaluated,
    workers,
    speeds: new Map(active.map(({ id }, index) => [id, speeds[index] ?? 0])),
    waiting: waitingFor(facts),
    meshed,
    stopping,
    outcome,
  };
}

function runPhase(facts: RunFacts): RunPhase {
  const { outcome, ending, recovering, hold, inFlight } = facts;
  if (outcome !== undefined) return "ended";
  if (ending) return "stopping";
  if (recovering) return "recovering";
  if (hold.asked) return hold.inForce ? "paused" : "pausing";
  if (waitingFor(facts) !== undefined) return "waiting";
  return inFlight === "evaluate" ? "evaluating" : "training";
}

function waitingFor(facts: RunFacts): string | undefined {
  const { outcome, ending, recovering, hold, inFlight, committed, active, minWorkers } = facts;
  if (outcome !== undefined || ending) return undefined;
  if (recovering) return `waiting for the workers that took part: they may have a later state than step ${committed}`;
  if (hold.inForce) return `paused after step ${committed}${hold.by === undefined ? "" : ` by ${hold.by}`}`;
  if (inFlight === undefined && active.length < minWorkers)
    return `waiting for workers: ${active.length} of ${minWorkers} are ready`;
  return active.length === 0 ? "no worker is ready; the step waits for one" : undefined;
}
