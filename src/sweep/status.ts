/** The state of a sweep, for tables and pages. Pure. */
import { bestResult, newestRung, rungShare, rungsOf, trialsOf } from "./halving.js";
import type { Entry } from "./journal.js";
import type { Sweep } from "./load.js";
import type { Assignment } from "./space.js";
import type { Metric } from "./spec.js";
import type { TrialState } from "./trial-states.js";

export interface TrialStatus {
  readonly trial: number;
  readonly settings: Assignment;
  readonly state: TrialState;
  /** The newest rung that it reached, from 0; null: none. */
  readonly rung: number | null;
  readonly step: number;
  /** Of the whole run; null: not known yet. */
  readonly total_steps: number | null;
  /** Of the newest step; null: none since the sweep was started. */
  readonly loss: number | null;
  /** The metric at the newest rung. */
  readonly value: number | null;
  /** Why it failed or was stopped. */
  readonly reason: string | null;
}

export interface SweepStatus {
  readonly output_dir: string;
  readonly metric: Metric;
  /** The rung that is being trained, from 0, and the share of the run at each. */
  readonly rung: number;
  readonly rungs: readonly number[];
  readonly trials: readonly TrialStatus[];
  /** The best trial that was trained to its end. */
  readonly best: number | null;
  readonly workers: number;
  readonly complete: boolean;
}

/** What is known of a trial that is being trained. */
export interface Progress {
  readonly state: "starting" | "training";
  readonly step: number;
  readonly totalSteps: number | undefined;
  readonly loss: number | undefined;
}

export function sweepStatus(
  { outputDir, metric, rules, trials }: Sweep,
  entries: readonly Entry[],
  running: ReadonlyMap<number, Progress>,
  { workers, complete }: Pick<SweepStatus, "workers" | "complete">,
): SweepStatus {
  const rung = newestRung(entries, rules);
  const still = new Set(trialsOf(rung, entries, rules));
  const last = rungsOf(rules) - 1;
  const newest = new Map(entries.map((entry) => [entry.trial, entry]));
  const statusOf = (trial: number): Omit<TrialStatus, "settings"> => {
    const entry = newest.get(trial);
    const now = running.get(trial);
    return {
      trial,
      state: now?.state ?? stateOf(entry, { isOpen: still.has(trial), isAtRung: entry?.rung === rung, last }),
      rung: entry === undefined ? null : entry.rung,
      step: Math.max(now?.step ?? 0, entry?.step ?? 0),
      // A trial that failed before its data was read has none.
      total_steps: now?.totalSteps ?? (entry === undefined || entry.totalSteps === 0 ? null : entry.totalSteps),
      loss: now?.loss ?? null,
      value: entry?.value ?? null,
      reason: entry?.reason ?? null,
    };
  };
  return {
    output_dir: outputDir,
    metric,
    rung,
    rungs: Array.from({ length: last + 1 }, (_, index) => rungShare(rules, index)),
    trials: trials.map(({ index, assignment }) => ({ ...statusOf(index), settings: assignment })),
    best: bestResult(entries, rules)?.trial ?? null,
    workers,
    complete,
  };
}

function stateOf(
  entry: Entry | undefined,
  { isOpen, isAtRung, last }: { readonly isOpen: boolean; readonly isAtRung: boolean; readonly last: number },
): TrialState {
  if (entry === undefined) return "waiting";
  if (entry.outcome !== "reached") return entry.outcome;
  if (entry.rung === last) return "completed";
  if (!isOpen) return "pruned";
  return isAtRung ? "paused" : "waiting";
}
