/** The status of the state machine, for metrics, users and operators. Pure. */
import type { StepNumber } from "../../ids.js";
import type { BestState } from "./best.js";
import type { Hold } from "./hold.js";
import type { Round } from "./round.js";
import type { Outcome, Task, WorkerId } from "./types.js";
import { speedsOf } from "./workers.js";
import type { WorkerPhase, WorkerRecord } from "./workers.js";

/**
 * recovering: the state to resume from is not decided yet. waiting: nothing is computed, see `waiting`. pausing: a
 * pause was requested; work in flight finishes first. stopping: the run is complete, was requested to stop, or failed;
 * it saves and ends.
 */
export type RunPhase =
  "recovering" | "waiting" | "training" | "evaluating" | "pausing" | "paused" | "stopping" | "ended";

export interface MachineStatus {
  readonly phase: RunPhase;
  readonly committed: StepNumber;
  /** The best evaluation so far; undefined if no metric is compared. */
  readonly best: BestState | undefined;
  /** The task that is being computed, or that was begun and waits for a worker. */
  readonly inFlight: Task | undefined;
  /** Progress of the evaluation in flight, in shards. */
  readonly evaluated: { readonly done: number; readonly total: number } | undefined;
  /** Number of workers by phase; offering workers count as loading. */
  readonly workers: Readonly<Record<Exclude<WorkerPhase, "offering">, number>>;
  /** Shards per second of each active worker. */
  readonly speeds: ReadonlyMap<WorkerId, number>;
  /** Why nothing is being computed; undefined otherwise. */
  readonly waiting: string | undefined;
  /** The newest step began with workers as reducers (mesh). */
  readonly meshed: boolean;
  /** Why the run is stopping: the reason of the stop request, or the message of the failure. */
  readonly stopping: string | undefined;
  readonly outcome: Outcome | undefined;
}

/** A worker in the step or evaluation in flight. */
export interface MachineWorker {
  readonly id: WorkerId;
  readonly phase: Exclude<WorkerPhase, "offering">;
  /** The worker made no progress for too long; it is leased no work until it makes progress. */
  readonly late: boolean;
  /** Others can pull from it. */
  readonly reachable: boolean;
  /** Undefined before its first result. */
  readonly shardsPerSecond: number | undefined;
  /** Shards that are to be computed, or computed and not announced yet. */
  readonly shardsHeld: number;
  readonly shardsDone: number;
}

/** Recovery is not exposed per worker: an offering worker is shown as loading. */
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

/** Facts about the run from the parts of the machine. */
export interface RunFacts extends Pick<
  MachineStatus,
  "committed" | "best" | "inFlight" | "evaluated" | "meshed" | "stopping" | "outcome"
> {
  readonly workers: readonly WorkerRecord[];
  /** The workers whose phase is "active". */
  readonly active: readonly WorkerRecord[];
  readonly minWorkers: number;
  /** No new work begins: the run is complete, was requested to stop, or failed. */
  readonly ending: boolean;
  readonly recovering: boolean;
  readonly hold: Hold;
}

export function machineStatus(facts: RunFacts): MachineStatus {
  const { active, committed, best, inFlight, evaluated, meshed, stopping, outcome } = facts;
  const workers = { loading: 0, synchronising: 0, active: 0, draining: 0 };
  for (const { phase } of facts.workers) workers[shownPhase(phase)]++;
  // Of losses and gradients, also while answers are generated.
  const computing = (worker: WorkerRecord): WorkerRecord =>
    inFlight === "generate" ? { ...worker, secondsPerShard: worker.otherSecondsPerShard } : worker;
  const speeds = speedsOf(active.map(computing));
  return {
    phase: runPhase(facts),
    committed,
    best,
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
  return inFlight === "evaluate" || inFlight === "generate" ? "evaluating" : "training";
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
