/** A run on another machine, or in another process, as whoever steers it sees it: what carries the questions is open. */
import type { Checkpoint } from "./run-control.js";
import type { RunStatus } from "./run-status.js";

/** Every question rejects with a CoxswainError that says what to do. */
export interface RemoteRun {
  status(): Promise<RunStatus>;
  /** As it is now, then at changes, a few times a second at most; ends with the run. Leaving the loop ends it, too. */
  watch(): AsyncIterable<RunStatus>;
  /** See RunControl. */
  pause(): Promise<RunStatus>;
  resume(): Promise<RunStatus>;
  stop(): Promise<RunStatus>;
  /** @param patience how long to wait for the step in flight and the disk, ms */
  checkpoint(patience: number): Promise<Checkpoint>;
  close(): void;
}
