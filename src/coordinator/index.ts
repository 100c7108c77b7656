export { listCheckpoints, newestCheckpoint } from "./checkpoints/folder.js";
export { rehearseRun } from "./prepare/rehearse.js";
export type { Rehearsal, RehearsalOptions } from "./prepare/rehearse.js";
export { startCoordinator } from "./run.js";
export { addressKeys, coordinatorName } from "./service/listeners.js";
export type { AddressKey } from "./service/listeners.js";
export type { CoordinatorOptions, WorkerGateway } from "./run-parts.js";
export type { FinishedRun } from "./conclude.js";
export type { RunningCoordinator } from "./run.js";
