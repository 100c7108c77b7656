/**
 * What can be asked of a run while it runs, whoever carries the question: how it is doing, hold, go on, save, end. The
 * coordinator implements it; nothing here knows a network.
 *
 * A pause lives in the coordinator's memory. One that is restarted (`--resume`) trains: to resume is to say "go on", and
 * who wants a run to rest for longer than its coordinator lives has `stop`.
 */
import type { RunStatus } from "./run-status.js";

/** A checkpoint that is whole on the disk. */
export interface Checkpoint {
  readonly step: number;
  /** Its folder, on the coordinator's machine. */
  readonly path: string;
}

export interface RunControl {
  status(): RunStatus;
  /**
   * Calls `listener` whenever something may have changed, which can be thousands of times a second: it should do no more
   * than take note, unless the run is over.
   * @returns ends that
   */
  watch(listener: (over: boolean) => void): () => void;
  /**
   * Holds the run at the next step boundary: the step, or evaluation, in flight is finished first. Workers stay, and those
   * who join are taken in. Again: nothing changes.
   * @param by who asks, for events.jsonl
   * @returns how the run is now: "paused", or "pausing" where something is in flight; rejects with a CoxswainError
   *   "cluster" where the run is ending or over
   */
  pause(by?: string): Promise<RunStatus>;
  /** Goes on; also takes back a pause that is not in force yet. Rejects as `pause` does. */
  resume(by?: string): Promise<RunStatus>;
  /**
   * Finishes the step in flight, saves, ends. Again, or where it is over: nothing changes. `done` of the coordinator says
   * when it has ended.
   */
  stop(reason: string): Promise<RunStatus>;
  /**
   * Saves the step in flight once it is committed; where none is, the newest committed one, at once. One that is saved
   * already is not written again; all who ask meanwhile get the same.
   * @returns when it is whole on the disk; rejects with a CoxswainError: "storage" where it cannot be written, "cluster"
   *   where the run is over and its newest step is not saved
   */
  checkpoint(): Promise<Checkpoint>;
}
