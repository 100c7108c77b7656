/**
 * Sweeps: many trials of one run file, each with other settings, on one pool of workers. The public interface of `sweep/`.
 *
 *   sweep file ── spec.ts, space.ts ──> trials (load.ts)
 *   results.jsonl ── halving.ts ──> jobs ── run-sweep.ts ──> trial.ts: an ordinary run each, stopped at its rung
 *   workers ── pool/ ──> the coordinators of the trials, which are all in this process
 */
export { bestFile } from "./best-file.js";
export type { Entry } from "./journal.js";
export { describeSweep, loadSweep, trialFolder, type Sweep } from "./load.js";
export { parallelCoordinates, shortKey, shortNumber } from "./pictures.js";
export { runSweep, type FinishedSweep } from "./run-sweep.js";
export type { SweepStatus, TrialStatus } from "./status.js";
export { trialStates, type TrialState } from "./trial-states.js";
