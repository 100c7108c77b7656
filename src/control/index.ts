/** A run that is steered while it runs: what can be asked of it, and what it answers. */
export type { Checkpoint, RunControl } from "./run-control.js";
export { isOver, runStates } from "./run-status.js";
export type { RunState, RunStatus, WorkerState, WorkerStatus } from "./run-status.js";
