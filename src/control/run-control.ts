/**
 * Operations on a run in progress: status, pause, resume, save and stop. Implemented by the coordinator, independent of
 * the transport.
 *
 * A pause is kept in the coordinator's memory. A restarted coordinator (`--resume`) trains: resuming means continuing.
 * To keep a run from training across restarts, use `stop`.
 */
import type { RunStatus } from "./run-status.js";

/** A checkpoint that is complete on disk. */
export interface Checkpoint {
  readonly step: number;
  /** Its folder, on the coordinator's machine. */
  readonly path: string;
}

export interface RunControl {
  status(): RunStatus;
  /**
   * Calls `listener` whenever something may have changed, possibly thousands of times per second: it should only set a
   * flag, unless the run is over.
   * @returns a function that unsubscribes
   */
  watch(listener: (over: boolean) => void): () => void;
  /**
   * Pauses the run at the next step boundary: the step or evaluation in flight is finished first. Workers stay, and new
   * ones can join. Idempotent.
   * @param by who calls, for events.jsonl
   * @returns the status: "paused", or "pausing" if something is in flight; rejects with a CoxswainError "cluster" if
   *   the run is ending or over
   */
  pause(by?: string): Promise<RunStatus>;
  /** Resumes the run, or cancels a pause that has not taken effect yet. Rejects as `pause` does. */
  resume(by?: string): Promise<RunStatus>;
  /**
   * Finishes the step in flight, saves, and ends the run. Idempotent, also once the run is over. The coordinator's
   * `done` resolves when it has ended.
   */
  stop(reason: string): Promise<RunStatus>;
  /**
   * Saves the step in flight once it is committed; if there is none, immediately saves the newest committed step. A
   * step that is already saved is not written again; concurrent callers get the same checkpoint.
   * @returns once it is complete on disk; rejects with a CoxswainError: "storage" if it cannot be written, "cluster" if
   *   the run is over and its newest step is not saved
   */
  checkpoint(): Promise<Checkpoint>;
}
