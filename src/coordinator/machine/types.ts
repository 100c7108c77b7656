/**
 * The words of the coordinator's state machine: what can happen to it (events) and what it wants done (effects).
 * Nothing here knows of sockets, files, clocks or gradients: those belong to the shell that carries effects out.
 */
import type { TreeNode } from "../../collective/index.js";
import type { CoxswainError } from "../../errors.js";
import type { ShardIndex, StepNumber } from "../../ids.js";

/** A worker process, for as long as its control stream lasts. */
export type WorkerId = string;

/** TRAIN: loss and gradient of a step's shards. EVALUATE: loss of the evaluation set's shards. */
export type Task = "train" | "evaluate";

export interface MachineSettings {
  readonly totalSteps: number;
  /** Active workers to wait for before the first step. */
  readonly minWorkers: number;
  /** A worker that says nothing for this long is taken for dead, ms. */
  readonly silenceTimeout: number;
  /** A checkpoint every so many steps, and at the end. */
  readonly saveSteps: number;
  /** An evaluation every so many steps; null only at the end. */
  readonly evalSteps: number | null;
  /** Shards of the evaluation set; 0 when there is none. */
  readonly evaluationShards: number;
  /** Shards of a step's global batch. */
  readonly shardsOf: (step: StepNumber) => number;
  readonly learningRate: (step: StepNumber) => number;
  /** What the mean gradient is multiplied by so that its norm stays in bounds. */
  readonly clipCoefficient: (gradNorm: number) => number;
}

export interface ShardResult {
  readonly shard: ShardIndex;
  /** Nats, summed over the shard's supervised tokens. */
  readonly lossSum: number;
  readonly supervisedTokens: number;
  /** Seconds of computation. */
  readonly seconds: number;
}

export type Event =
  /** A control stream opened, and its version and token were right. */
  | { readonly type: "joined"; readonly worker: WorkerId }
  /** The worker has loaded the model. */
  | { readonly type: "ready"; readonly worker: WorkerId }
  /** Anything was heard of it. */
  | { readonly type: "heard"; readonly worker: WorkerId }
  /** Its replica is at `step`. */
  | { readonly type: "applied"; readonly worker: WorkerId; readonly step: StepNumber; readonly hash: string }
  /** It missed a step and asks for the replica. */
  | { readonly type: "resynchronise"; readonly worker: WorkerId }
  /** It has computed a node of the reduction tree. */
  | {
      readonly type: "contribution";
      readonly worker: WorkerId;
      readonly task: Task;
      readonly step: StepNumber;
      readonly node: TreeNode;
      readonly results: readonly ShardResult[];
    }
  /** A contribution's gradient is here. */
  | { readonly type: "received"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** A contribution's gradient could not be had, although the worker may still be there. */
  | { readonly type: "receiveFailed"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** It is gone: its stream ended, it said goodbye, or it failed. */
  | { readonly type: "left"; readonly worker: WorkerId; readonly reason: string }
  /** The tree's sum is complete; `gradNorm` is that of the mean gradient. */
  | { readonly type: "reduced"; readonly step: StepNumber; readonly gradNorm: number }
  /** The coordinator's own replica has applied the step. */
  | { readonly type: "committed"; readonly step: StepNumber; readonly hash: string }
  | { readonly type: "saved"; readonly step: StepNumber }
  | { readonly type: "saveFailed"; readonly step: StepNumber; readonly error: CoxswainError }
  /** The user wants the run to stop after the step in flight. */
  | { readonly type: "stop"; readonly reason: string }
  /** The run cannot go on for a reason from outside. */
  | { readonly type: "fail"; readonly error: CoxswainError }
  /** Time passed. */
  | { readonly type: "tick" };

export interface CommitEffect {
  readonly type: "commit";
  readonly step: StepNumber;
  readonly learningRate: number;
  /** Clip coefficient / supervised tokens: what the reduced sum is multiplied by. */
  readonly scale: number;
  /** Token-weighted mean over the global batch, nats. */
  readonly loss: number;
  readonly gradNorm: number;
  readonly supervisedTokens: number;
  /** Who must be told. */
  readonly workers: readonly WorkerId[];
  /** How many computed or could have: the `workers` of metrics.jsonl. */
  readonly activeWorkers: number;
  /** When the round began, and when its last gradient was here (the machine's clock, ms). */
  readonly startedAt: number;
  readonly computedAt: number;
}

export type Outcome =
  | { readonly kind: "completed" }
  | { readonly kind: "stopped"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: CoxswainError };

export type Effect =
  | { readonly type: "synchronise"; readonly worker: WorkerId; readonly step: StepNumber }
  | {
      readonly type: "lease";
      readonly worker: WorkerId;
      readonly task: Task;
      readonly step: StepNumber;
      readonly first: ShardIndex;
      readonly count: number;
      readonly roundShards: number;
      /** It was leased before, to a worker that is gone. */
      readonly again: boolean;
    }
  /** Fetch a contribution's gradient (or wait until it is pushed). */
  | { readonly type: "receive"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** Put a received gradient into the tree. */
  | { readonly type: "accept"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** All shards are here: take the sum and its norm. `tokens` is the global batch's supervised-token count. */
  | { readonly type: "reduce"; readonly step: StepNumber; readonly tokens: number }
  | CommitEffect
  | { readonly type: "evaluated"; readonly step: StepNumber; readonly loss: number; readonly tokens: number }
  /** A replica differs from ours: say so. A `synchronise` follows. */
  | { readonly type: "mismatch"; readonly worker: WorkerId; readonly step: StepNumber }
  /** Close its stream. */
  | { readonly type: "drop"; readonly worker: WorkerId; readonly reason: string }
  /** Leases that will not be fulfilled by the worker that held them. */
  | { readonly type: "lost"; readonly worker: WorkerId; readonly count: number; readonly reason: string }
  | { readonly type: "save"; readonly step: StepNumber; readonly final: boolean }
  | { readonly type: "saveFailed"; readonly step: StepNumber; readonly error: CoxswainError }
  | { readonly type: "finish"; readonly outcome: Outcome };
