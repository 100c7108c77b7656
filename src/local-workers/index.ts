/** Starts, monitors and stops worker processes on this machine; each talks to its coordinator over gRPC. */
export { startLocalWorkers } from "./local-workers.js";
export type { LocalWorkers, LocalWorkersOptions } from "./local-workers.js";
export { runFacts } from "./worker-deaths.js";
export { exitStatus, runWorkerPerGpu } from "./worker-per-gpu.js";
