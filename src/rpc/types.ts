/** The messages, as the generated code types them: plain for what is sent, `…Output` for what was received. */
export type { CoordinatorClient as CoordinatorStub, CoordinatorHandlers } from "./generated/coxswain/v1/Coordinator.js";
export type { WorkerClient as WorkerStub, WorkerHandlers } from "./generated/coxswain/v1/Worker.js";
export type {
  WorkerMessage,
  WorkerMessage__Output as WorkerMessageOutput,
} from "./generated/coxswain/v1/WorkerMessage.js";
export type {
  CoordinatorMessage,
  CoordinatorMessage__Output as CoordinatorMessageOutput,
} from "./generated/coxswain/v1/CoordinatorMessage.js";
export type { Welcome__Output as WelcomeOutput } from "./generated/coxswain/v1/Welcome.js";
export type { Lease, Lease__Output as LeaseOutput } from "./generated/coxswain/v1/Lease.js";
export type { Commit__Output as CommitOutput } from "./generated/coxswain/v1/Commit.js";
export type { Join__Output as JoinOutput } from "./generated/coxswain/v1/Join.js";
export type { Row as RowMessage, Row__Output as RowOutput } from "./generated/coxswain/v1/Row.js";
export type { Shard as ShardMessage } from "./generated/coxswain/v1/Shard.js";
export type { Task as TaskName } from "./generated/coxswain/v1/Task.js";
export type { Contribution__Output as ContributionOutput } from "./generated/coxswain/v1/Contribution.js";
