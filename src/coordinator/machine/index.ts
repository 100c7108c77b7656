export { notEvaluated } from "./best.js";
export type { BestMetric, BestRule, BestSettings, BestState, Measurement } from "./best.js";
export { ClusterMachine } from "./cluster.js";
export type { MachineStatus, MachineWorker, RunPhase } from "./status.js";
export type {
  CommitEffect,
  Effect,
  EffectOf,
  Event,
  HeldReplica,
  LeaseKind,
  MachineSettings,
  Outcome,
  RecoverySettings,
  ReducedSlice,
  ShardResult,
  Slice,
  SliceChecksums,
  Task,
  WorkerId,
} from "./types.js";
export { verifyRule } from "./verify-rule.js";
export type { WorkerPhase } from "./workers.js";
