export { listCheckpoints, newestCheckpoint } from "./checkpoint-folder.js";
export { startCoordinator } from "./run.js";
export type { CoordinatorOptions } from "./parts.js";
export type { FinishedRun, RunningCoordinator } from "./run.js";
export { startLocalWorkers } from "./local-workers.js";
export type { LocalWorkers, LocalWorkersOptions } from "./local-workers.js";
export type { RunView, StepView } from "./recorder.js";
export { runFacts } from "./worker-deaths.js";
