/** The generated types of the messages: plain names for messages to send, `…Output` for received ones. */
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
export type { Join, Join__Output as JoinOutput } from "./generated/coxswain/v1/Join.js";
export type { Ready, Ready__Output as ReadyOutput } from "./generated/coxswain/v1/Ready.js";
export type { HeldReplica, HeldReplica__Output as HeldReplicaOutput } from "./generated/coxswain/v1/HeldReplica.js";
export type { Computed, Computed__Output as ComputedOutput } from "./generated/coxswain/v1/Computed.js";
export type { Contribution, Contribution__Output as ContributionOutput } from "./generated/coxswain/v1/Contribution.js";
export type { SliceReduced, SliceReduced__Output as SliceReducedOutput } from "./generated/coxswain/v1/SliceReduced.js";
export type {
  CollectFailed,
  CollectFailed__Output as CollectFailedOutput,
} from "./generated/coxswain/v1/CollectFailed.js";
export type { Applied, Applied__Output as AppliedOutput } from "./generated/coxswain/v1/Applied.js";
export type { Draining, Draining__Output as DrainingOutput } from "./generated/coxswain/v1/Draining.js";
export type { Leaving, Leaving__Output as LeavingOutput } from "./generated/coxswain/v1/Leaving.js";
export type { Failed, Failed__Output as FailedOutput } from "./generated/coxswain/v1/Failed.js";
export type { Welcome, Welcome__Output as WelcomeOutput } from "./generated/coxswain/v1/Welcome.js";
export type { Synchronise, Synchronise__Output as SynchroniseOutput } from "./generated/coxswain/v1/Synchronise.js";
export type { Lease, Lease__Output as LeaseOutput } from "./generated/coxswain/v1/Lease.js";
export type { Revoke, Revoke__Output as RevokeOutput } from "./generated/coxswain/v1/Revoke.js";
export type { PullRequest, PullRequest__Output as PullRequestOutput } from "./generated/coxswain/v1/PullRequest.js";
export type { PullContributionRequest__Output as PullContributionOutput } from "./generated/coxswain/v1/PullContributionRequest.js";
export type { PullSliceRequest__Output as PullSliceOutput } from "./generated/coxswain/v1/PullSliceRequest.js";
export type { Peer, Peer__Output as PeerOutput } from "./generated/coxswain/v1/Peer.js";
export type { Reduce, Reduce__Output as ReduceOutput } from "./generated/coxswain/v1/Reduce.js";
export type { Part, Part__Output as PartOutput } from "./generated/coxswain/v1/Part.js";
export type { Collect, Collect__Output as CollectOutput } from "./generated/coxswain/v1/Collect.js";
export type { Commit, Commit__Output as CommitOutput } from "./generated/coxswain/v1/Commit.js";
export type { ReducedSlice, ReducedSlice__Output as ReducedSliceOutput } from "./generated/coxswain/v1/ReducedSlice.js";
export type { Finish, Finish__Output as FinishOutput } from "./generated/coxswain/v1/Finish.js";
export type { Row as RowMessage, Row__Output as RowOutput } from "./generated/coxswain/v1/Row.js";
export type { Shard as ShardMessage } from "./generated/coxswain/v1/Shard.js";
export type { ProtoGrpcType as ControlProtocol } from "./generated/control.js";
export type { ControlClient as ControlStub, ControlHandlers } from "./generated/coxswain/v1/Control.js";
export type {
  ControlRequest,
  ControlRequest__Output as ControlRequestOutput,
} from "./generated/coxswain/v1/ControlRequest.js";
export type {
  RunStatus as RunStatusMessage,
  RunStatus__Output as RunStatusOutput,
} from "./generated/coxswain/v1/RunStatus.js";
export type {
  WorkerStatus as WorkerStatusMessage,
  WorkerStatus__Output as WorkerStatusOutput,
} from "./generated/coxswain/v1/WorkerStatus.js";
export type {
  RunConfig as RunConfigMessage,
  RunConfig__Output as RunConfigOutput,
} from "./generated/coxswain/v1/RunConfig.js";
