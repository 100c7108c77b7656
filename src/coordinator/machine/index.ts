export { ClusterMachine } from "./cluster.js";
export type { MachineStatus } from "./cluster.js";
export type { CommitEffect, Effect, Event, MachineSettings, Outcome, ShardResult, Task, WorkerId } from "./types.js";
export type { WorkerPhase } from "./workers.js";
