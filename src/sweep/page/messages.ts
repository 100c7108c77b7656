/**
 * The messages of a sweep's page, as JSON: a snapshot when it is opened, then updates. Types only, shared by the sweep
 * and the browser.
 */

/** As `TrialStatus` of src/sweep/status.ts. */
export interface ShownTrial {
  readonly trial: number;
  readonly state:
    "waiting" | "starting" | "training" | "paused" | "pruned" | "completed" | "diverged" | "failed" | "stopped";
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
  /** As text, in the order of `settings` of the status. */
  readonly settings: readonly string[];
}

export interface ShownSweep {
  /** Of the sweep's folder. */
  readonly sweep: string;
  readonly model: string;
  /** Of Coxswain. */
  readonly version: string;
  readonly state: "waiting" | "training" | "completed" | "stopped" | "failed";
  /** Why, for people. */
  readonly detail: string | null;
  readonly metric: "eval_loss" | "exact_match";
  /** Short names of the keys that vary. */
  readonly settings: readonly string[];
  /** The rung that is being trained, from 0, and the share of the run at each. */
  readonly rung: number;
  readonly rungs: readonly number[];
  /** The best trial that was trained to its end; before there is one, the leader of the furthest rung. */
  readonly best: number | null;
  readonly workers: number;
}

/** Training loss of a trial: [step, nats per supervised token], thinned. */
export interface ShownCurve {
  readonly trial: number;
  readonly points: readonly (readonly [number, number | null])[];
}

/** Everything. */
export interface SweepSnapshot {
  readonly status: ShownSweep;
  readonly trials: readonly ShownTrial[];
  /** In the order in which they are drawn. */
  readonly curves: readonly ShownCurve[];
}

/** The end of a curve, from index `from` on. Idempotent. */
export interface CurveTail extends ShownCurve {
  readonly from: number;
}

/** What changed since the last update. */
export interface SweepUpdate {
  readonly status: ShownSweep;
  /** Those that changed. */
  readonly trials?: readonly ShownTrial[];
  /** The trials whose curves are drawn, in order. Others are dropped. */
  readonly drawn: readonly number[];
  readonly tails?: readonly CurveTail[];
}
