export { runWorker } from "./run.js";
export type { WorkerObserver, WorkerOptions } from "./run.js";
export type { ShardMeasurement } from "./compute.js";
