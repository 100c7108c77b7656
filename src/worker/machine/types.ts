/**
 * The events and effects of a worker's state machine. Independent of sockets, clocks, engines and gradients: those belong
 * to the shell that carries out the effects.
 */
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";
import type {
  CollectOutput,
  CommitOutput,
  FinishOutput,
  LeaseOutput,
  Ready,
  ReduceOutput,
  RevokeOutput,
  WelcomeOutput,
  WorkerMessage,
} from "../../rpc/index.js";
import type { CallFailed } from "../call-failed.js";
import type { StreamEnd } from "../transport.js";

/** train: loss and gradient of a shard. evaluate: its loss alone. generate: what the model writes after its rows. */
export type Task = "train" | "evaluate" | "generate";

/** The coordinator's messages, except heartbeats. */
export type Message =
  | { readonly type: "welcome"; readonly welcome: WelcomeOutput }
  | { readonly type: "synchronise" }
  | { readonly type: "lease"; readonly task: Task; readonly lease: LeaseOutput }
  | { readonly type: "revoke"; readonly revoke: RevokeOutput }
  | { readonly type: "reduce"; readonly reduce: ReduceOutput }
  | { readonly type: "collect"; readonly collect: CollectOutput }
  | { readonly type: "commit"; readonly commit: CommitOutput }
  | { readonly type: "sendReplica" }
  | { readonly type: "finish"; readonly finish: FinishOutput };

/** The state after a step, by its fingerprint. */
export interface Held {
  readonly step: number;
  readonly stateHash: string;
}

/** How the model was opened. */
export interface Loaded {
  readonly ready: Omit<Ready, "replica">;
  /** The replica kept from an earlier membership, and its run; undefined if there is none. */
  readonly held: (Held & { readonly runDigest: string }) | undefined;
  /** Bytes of one contribution. */
  readonly contributionBytes: number;
}

export interface ShardLoss {
  /** Nats, summed over the shard's supervised tokens. */
  readonly lossSum: number;
  readonly supervisedTokens: number;
  /** Seconds of computation. */
  readonly seconds: number;
  /** generate: the tokens after each row. */
  readonly generated?: readonly Int32Array[];
}

/** The effect in progress is done, or failed because a call failed. */
export type Done =
  /** The effect `load` is done. */
  | ({ readonly type: "loaded" } & Loaded)
  /** The effect `pullReplica` is done: the replica is the coordinator's, and the engine computes with it. */
  | { readonly type: "synchronised"; readonly held: Held }
  /** The effect `compute` is done. */
  | ({ readonly type: "computed" } & ShardLoss)
  /** The effect `gather` is done. */
  | { readonly type: "gathered" }
  /** The effect `apply` is done, and the engine computes with the result. */
  | { readonly type: "applied"; readonly held: Held }
  /** The effect `pushReplica` is done. */
  | { readonly type: "replicaPushed" }
  /** A call that the effect needed failed. */
  | { readonly type: "callFailed"; readonly failure: CallFailed };

export type Event =
  /** A message has arrived, possibly while earlier ones are still being processed. */
  | Message
  | Done
  /** An effect failed for a reason other than a call. */
  | { readonly type: "failed"; readonly error: unknown }
  /** This worker is told to leave once its results have been fetched. */
  | { readonly type: "drain"; readonly reason: string }
  /** The timer of the effect `startDrainTimer` has expired. */
  | { readonly type: "drainTimeOver" }
  /** The control stream has ended. Earlier messages are still processed. */
  | { readonly type: "streamEnded"; readonly end: StreamEnd };

export type EventOf<Type extends Event["type"]> = Extract<Event, { readonly type: Type }>;

/** How a membership ends. Lost: worth another attempt. Failed: not, and the coordinator was informed. */
export type MembershipEnd =
  | StreamEnd
  | { readonly kind: "finished"; readonly completed: boolean; readonly reason: string }
  | { readonly kind: "failed"; readonly error: unknown };

/** `load`, `pullReplica`, `compute`, `gather`, `apply` and `pushReplica`: one at a time, each answered by one event. */
export type Effect =
  | { readonly type: "send"; readonly message: WorkerMessage }
  /** Open the model that the welcome names. */
  | { readonly type: "load"; readonly welcome: WelcomeOutput }
  /** Pull the coordinator's replica. */
  | { readonly type: "pullReplica" }
  /** Compute a shard: its loss, and for training its gradient, which is added to the lease's sums. */
  | { readonly type: "compute"; readonly task: Task; readonly lease: LeaseOutput; readonly shard: ShardIndex }
  /** A node's sum is ready: others can pull it from now on, and it is announced with the checksums of its slices. */
  | { readonly type: "serve"; readonly step: number; readonly node: TreeNode; readonly slices: readonly number[] }
  /** Push that sum to the coordinator, which cannot pull it. No event follows: the coordinator has a timeout. */
  | { readonly type: "pushContribution"; readonly step: number; readonly node: TreeNode }
  /** Nothing more is computed for the lease: discard sums that were not served. */
  | { readonly type: "closeLease" }
  /** Sum a slice, or pull more parts of it. No event follows. */
  | { readonly type: "reduce"; readonly reduce: ReduceOutput }
  | { readonly type: "collect"; readonly collect: CollectOutput }
  /** Gather a committed step's reduced gradient. */
  | { readonly type: "gather"; readonly commit: CommitOutput }
  /** Apply the gathered gradient, and release this step's sums. */
  | { readonly type: "apply"; readonly commit: CommitOutput }
  /** Push the replica to the coordinator, which cannot pull it. */
  | { readonly type: "pushReplica" }
  /** A call failed and is retried; for the log. */
  | { readonly type: "notArrived"; readonly what: string; readonly reason: string }
  /** Report `drainTimeOver` after this many ms. */
  | { readonly type: "startDrainTimer"; readonly delay: number }
  /** End the control stream once all messages have been sent. */
  | { readonly type: "hangUp" }
  /** The membership is over. */
  | { readonly type: "end"; readonly end: MembershipEnd };

export type EffectOf<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
