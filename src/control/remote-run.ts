/** The client's view of a run in another process or on another machine, independent of the transport. */
import type { Checkpoint } from "./run-control.js";
import type { RunStatus } from "./run-status.js";

/** Every method rejects with a CoxswainError that says what to do. */
export interface RemoteRun {
  status(): Promise<RunStatus>;
  /** The current status, then changes, at most a few times per second; ends with the run, or when the loop is left. */
  watch(): AsyncIterable<RunStatus>;
  /** See RunControl. */
  pause(): Promise<RunStatus>;
  resume(): Promise<RunStatus>;
  stop(): Promise<RunStatus>;
  /** @param patience timeout for finishing the step in flight and writing to disk, ms */
  checkpoint(patience: number): Promise<Checkpoint>;
  close(): void;
}
