/** Control of a run in progress: its operations, its status, and both over gRPC. */
export { checkShowable, stopReason } from "./caller.js";
export { connectRun } from "./client.js";
export type { ConnectOptions } from "./client.js";
export { controlHandlers } from "./handlers.js";
export { Places } from "./places.js";
export { controlFile, controlName, controlService } from "./protocol.js";
export type { RemoteRun } from "./remote-run.js";
export type { Checkpoint, RunControl } from "./run-control.js";
export { isOver, runStates } from "./run-status.js";
export type { BestOfRun, RunState, RunStatus, WorkerState, WorkerStatus } from "./run-status.js";
export { watchStatus } from "./watch-status.js";
