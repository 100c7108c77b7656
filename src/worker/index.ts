export { fixedCoordinator, runWorker } from "./run.js";
export type { CoordinatorLocator, WorkerObserver, WorkerOptions } from "./run.js";
export type { ShardMeasurement } from "./compute.js";
