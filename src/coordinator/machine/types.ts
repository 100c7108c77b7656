/**
 * The vocabulary of the coordinator's state machine: its inputs (events) and its outputs (effects).
 * Nothing here depends on sockets, files, clocks or gradients: those belong to the shell that carries out the effects.
 */
import type { TreeNode } from "../../collective/index.js";
import type { CoxswainError } from "../../errors.js";
import type { ShardIndex, StepNumber } from "../../ids.js";
import type { BestSettings, BestState } from "./best.js";
import type { Verifies } from "./verify-rule.js";

/** Identifies a worker process for the lifetime of its control stream. */
export type WorkerId = string;

/**
 * TRAIN: loss and gradient of a step's shards. EVALUATE: loss of the evaluation set's shards. GENERATE: the likeliest
 * answers to the prompts of an evaluation.
 */
export type Task = "train" | "evaluate" | "generate";

export interface MachineSettings {
  readonly totalSteps: number;
  /** No step or evaluation begins with fewer active workers than this. */
  readonly minWorkers: number;
  /** A worker that sends nothing for this long is considered dead, ms. */
  readonly silenceTimeout: number;
  /** Workers compute in float16: overflow is a possible cause of a loss that is not finite. */
  readonly float16: boolean;
  /** Step 1 starts from a no-op adapter: a value that is not finite then comes from the model. Default: false. */
  readonly freshAdapter?: boolean;
  /** The run ends after this step, once it is evaluated, as if it had been stopped. Undefined: after the last one. */
  readonly stopAfter?: number | undefined;
  /** Steps between checkpoints; a checkpoint is also saved when the run ends. */
  readonly saveSteps: number;
  /** Steps between evaluations; null: evaluate only after the last step. */
  readonly evalSteps: number | null;
  /** Number of shards of the evaluation set; 0 if there is none. */
  readonly evaluationShards: number;
  /** Number of shards of the prompts that are answered in every evaluation. Default: 0. */
  readonly generationShards?: number;
  /** Number of shards of a step's global batch. */
  readonly shardsOf: (step: StepNumber) => number;
  readonly learningRate: (step: StepNumber) => number;
  /** Factor that scales the mean gradient to limit its norm. */
  readonly clipCoefficient: (gradNorm: number) => number;
  /** Whether the record has an evaluation of this step; called only for steps before this coordinator incarnation. */
  readonly evaluated: (step: StepNumber) => boolean;
  /** How evaluations are compared. Undefined: they are not. */
  readonly best?: BestSettings;
  /** Number of elements of the flat gradient. */
  readonly gradientSize: number;
  /** Slices begin at multiples of this many elements. Default: the block size of the gradient norm. */
  readonly sliceBlock?: number;
  /** Number of reducers (mesh), given how many workers can reduce; below 2, the coordinator reduces (star). */
  readonly reducers: (workers: number) => number;
  /** Which sums a second worker computes, too. Default: none. Such a run has no mesh: the coordinator compares sums. */
  readonly verifies?: Verifies;
  /** For an interrupted run: what to wait for before it resumes. Undefined: begin from the start state immediately. */
  readonly recovery?: RecoverySettings;
}

export interface RecoverySettings {
  /** Number of offers to wait for: workers that took part and may have a later state than the start state. */
  readonly survivors: number;
  /** How long to wait for their replicas, ms. */
  readonly timeout: number;
}

/** The state after a step, identified by its hash. */
export interface HeldReplica {
  readonly step: StepNumber;
  readonly hash: string;
}

/** Elements [offset, offset + length) of the flat gradient. */
export interface Slice {
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

/** A slice of a committed step's gradient and the worker that has it; undefined: only the coordinator has it. */
export interface ReducedSlice extends Slice {
  readonly reducer: WorkerId | undefined;
  /** Of the slice's sum, as its reducer reported it; undefined before. */
  readonly checksum: number | undefined;
}

/** The checksums of a vector's slices. */
export interface SliceChecksums {
  /** The first element of each slice, ascending; empty: one slice, the whole. */
  readonly slices: readonly number[];
  /** By slice. */
  readonly checksums: readonly number[];
}

export interface ShardResult {
  readonly shard: ShardIndex;
  /** Nats, summed over the shard's supervised tokens. */
  readonly lossSum: number;
  readonly supervisedTokens: number;
  /** Computation time, s. */
  readonly seconds: number;
  /** GENERATE: the tokens after each prompt. */
  readonly generated?: readonly Int32Array[];
}

/**
 * first: not leased before. again: its worker is gone or late. stolen: its worker has it, too, but is behind. verify: its
 * worker has delivered it; the sums are compared.
 */
export type LeaseKind = "first" | "again" | "stolen" | "verify";

export type Event =
  /** A control stream opened, and its version and token were valid. */
  | { readonly type: "joined"; readonly worker: WorkerId }
  /** The worker has loaded the model. */
  | {
      readonly type: "ready";
      readonly worker: WorkerId;
      /** Others can pull from it. */
      readonly reachable: boolean;
      /** What it computes with: workers of one kind compute the same bits. Default: all are of one kind. */
      readonly kind?: string | undefined;
      /** The replica of this run that it still has. */
      readonly replica: HeldReplica | undefined;
    }
  /** The worker sent any message. */
  | { readonly type: "heard"; readonly worker: WorkerId }
  /** The worker's replica is at `step`. */
  | { readonly type: "applied"; readonly worker: WorkerId; readonly step: StepNumber; readonly hash: string }
  /** The worker missed a step and requests the replica. */
  | { readonly type: "resynchronise"; readonly worker: WorkerId }
  /** The worker has nothing to compute: it has finished its shards or dropped the revoked ones. */
  | { readonly type: "idle"; readonly worker: WorkerId }
  /** The worker has computed a shard. */
  | {
      readonly type: "computed";
      readonly worker: WorkerId;
      readonly task: Task;
      readonly step: StepNumber;
      readonly result: ShardResult;
    }
  /** The worker has the sum of a node of the reduction tree. */
  | {
      readonly type: "contribution";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly node: TreeNode;
      /** Of the sum, by slice. */
      readonly checksums: readonly number[];
    }
  /** The coordinator received the gradient of a contribution. */
  | { readonly type: "received"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** The gradient of a contribution could not be fetched; the worker may still be connected. */
  | {
      readonly type: "receiveFailed";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly node: TreeNode;
      /** It arrived, but is not what the worker announced. Default: false. */
      readonly differs?: boolean;
    }
  /** A worker has computed the sum of a node again, with the same bits as these workers. */
  | {
      readonly type: "tried";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly node: TreeNode;
      readonly same: readonly WorkerId[];
    }
  /** The reducer has the sum of its slice over all shards. */
  | {
      readonly type: "sliceReduced";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: number;
      /** Of the sum. */
      readonly checksum: number;
    }
  /** A reducer could not pull a contribution from its source. */
  | {
      readonly type: "collectFailed";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: number;
      readonly node: TreeNode;
      readonly source: WorkerId;
    }
  /** The coordinator received the sum of a slice, or could not fetch it. */
  | { readonly type: "gathered"; readonly worker: WorkerId; readonly step: StepNumber; readonly slice: number }
  | { readonly type: "gatherFailed"; readonly worker: WorkerId; readonly step: StepNumber; readonly slice: number }
  /** The coordinator adopted the worker's replica, or failed to. */
  | { readonly type: "adopted"; readonly worker: WorkerId; readonly replica: HeldReplica }
  | { readonly type: "adoptFailed"; readonly worker: WorkerId }
  /** `count` workers that took part before may still return with their replicas. */
  | { readonly type: "survivors"; readonly count: number }
  /** The worker wants to leave once its contributions have been collected. */
  | { readonly type: "draining"; readonly worker: WorkerId }
  /** The worker is gone: its stream ended, it said goodbye, or it failed. */
  | { readonly type: "left"; readonly worker: WorkerId; readonly reason: string }
  /** The sum of the tree is complete; `gradNorm` is the norm of the mean gradient. */
  | { readonly type: "reduced"; readonly step: StepNumber; readonly gradNorm: number }
  /** The generated answers of an evaluation are compared; `exactMatch`: the share of equal ones, if any were expected. */
  | { readonly type: "scored"; readonly step: StepNumber; readonly exactMatch: number | undefined }
  /** The coordinator's replica has applied the step. */
  | { readonly type: "committed"; readonly step: StepNumber; readonly hash: string }
  | { readonly type: "saved"; readonly step: StepNumber }
  | { readonly type: "saveFailed"; readonly step: StepNumber; readonly error: CoxswainError }
  /** Begin nothing new once the step (or evaluation) in flight is finished. `by`: who requested it, for the record. */
  | { readonly type: "pause"; readonly by: string | undefined }
  | { readonly type: "resume"; readonly by: string | undefined }
  /** Requests a checkpoint of the step in flight if it is being computed, otherwise of the newest committed step. */
  | { readonly type: "checkpoint" }
  /** Stop the run after the step in flight; `returning`: only until its coordinator is restarted. */
  | { readonly type: "stop"; readonly reason: string; readonly returning: boolean }
  /** The run cannot continue, for a cause outside the machine. */
  | { readonly type: "fail"; readonly error: CoxswainError }
  /** Time passed. */
  | { readonly type: "tick" };

export type EventOf<Type extends Event["type"]> = Extract<Event, { readonly type: Type }>;

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
  /** Workers that must receive the commit. */
  readonly workers: readonly WorkerId[];
  /** Where the reduced gradient is, ordered by offset; empty: only at the coordinator. */
  readonly slices: readonly ReducedSlice[];
  /** Number of workers that computed or could have: `workers` in metrics.jsonl. */
  readonly activeWorkers: number;
  readonly shards: number;
  /** When the round began, and when its last gradient was received (the machine's clock, ms). */
  readonly startedAt: number;
  readonly computedAt: number;
}

export type Outcome =
  | { readonly kind: "completed" }
  /** `returning`: the coordinator will be restarted, and workers wait for it. */
  | { readonly kind: "stopped"; readonly reason: string; readonly returning: boolean }
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
      readonly kind: LeaseKind;
      /** Where the slices begin whose checksums are announced with a sum; empty: one slice, the whole. */
      readonly slices: readonly number[];
    }
  /** Revoke shards from a worker: it must not begin them. */
  | {
      readonly type: "revoke";
      readonly worker: WorkerId;
      readonly task: Task;
      readonly step: StepNumber;
      readonly first: ShardIndex;
      readonly count: number;
    }
  /** Fetch the gradient of a contribution (or wait until it is pushed). */
  | {
      readonly type: "receive";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly node: TreeNode;
      /** Announced: what the sum must match. */
      readonly expected: SliceChecksums;
    }
  /** Add a received gradient to the reduction tree. */
  | { readonly type: "accept"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** Keep a received gradient: it is accepted once another worker has computed the same. */
  | { readonly type: "keep"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** Add a received gradient to the sum of `whole` that this worker computes again; when complete, compare the sums. */
  | {
      readonly type: "try";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly node: TreeNode;
      readonly whole: TreeNode;
    }
  /** The sum of a node was computed by several workers, with the same bits. */
  | { readonly type: "verified"; readonly step: StepNumber; readonly node: TreeNode }
  /** A worker computed another sum than several others, which agree: it is dropped, and must not return. */
  | {
      readonly type: "putOut";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly node: TreeNode;
      readonly agreed: readonly WorkerId[];
    }
  /** These workers computed different sums of a node, and there is no other worker to tell who is right. */
  | {
      readonly type: "undecided";
      readonly step: StepNumber;
      readonly node: TreeNode;
      readonly workers: readonly WorkerId[];
    }
  /** Assign a slice to a worker to sum. */
  | {
      readonly type: "reduceSlice";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: Slice;
      readonly roundShards: number;
    }
  /** Instruct a reducer to pull its slice of a contribution from a worker (possibly itself). */
  | {
      readonly type: "collect";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: number;
      readonly node: TreeNode;
      readonly source: WorkerId;
      /** Of this slice of the sum, as announced. */
      readonly checksum: number;
    }
  /** Every shard was announced: send the pending `collect` messages to the reducers immediately. */
  | { readonly type: "allAnnounced"; readonly step: StepNumber }
  /** Pull the sum of a slice, which must have this checksum, from its reducer. */
  | {
      readonly type: "gather";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: Slice;
      readonly checksum: number;
    }
  /** All shards were received: compute the sum and its norm. `tokens`: supervised tokens of the global batch. */
  | { readonly type: "reduce"; readonly step: StepNumber; readonly tokens: number }
  | CommitEffect
  /** A worker's replica has the committed step: the step now survives the coordinator and may be recorded. */
  | { readonly type: "replicated"; readonly step: StepNumber }
  | {
      readonly type: "evaluated";
      readonly step: StepNumber;
      /** Undefined without an evaluation set. */
      readonly loss: number | undefined;
      readonly exactMatch?: number | undefined;
      /** Including this evaluation; undefined if no metric is compared. */
      readonly best?: BestState | undefined;
    }
  /** Compare the generated answers, by shard. */
  | { readonly type: "score"; readonly step: StepNumber; readonly generated: readonly (readonly Int32Array[])[] }
  /** The metric has not improved for too long: training stops before its last step. */
  | { readonly type: "patienceLost"; readonly step: StepNumber; readonly best: BestState }
  /** The loss or gradient norm of a step is not finite: the step is not applied, and the run ends. */
  | { readonly type: "notFinite"; readonly step: StepNumber }
  /** Report that a replica differs from the coordinator's. A `synchronise` follows. */
  | { readonly type: "mismatch"; readonly worker: WorkerId; readonly step: StepNumber }
  /** Adopt a worker's replica; it must have this hash. */
  | { readonly type: "adopt"; readonly worker: WorkerId; readonly replica: HeldReplica }
  /** An interrupted run resumes after this step: its records of later steps are void. */
  | { readonly type: "recovered"; readonly step: StepNumber; readonly from: WorkerId | undefined }
  /** Dismiss a worker that has handed over all its contributions. */
  | { readonly type: "dismiss"; readonly worker: WorkerId }
  /** Close the worker's stream. */
  | { readonly type: "drop"; readonly worker: WorkerId; readonly reason: string }
  /** Shards were taken from a worker that is gone or late. */
  | {
      readonly type: "lost";
      readonly worker: WorkerId;
      readonly count: number;
      readonly late: boolean;
      readonly reason: string;
    }
  /** The workers could not reduce the step: the coordinator finishes it. */
  | { readonly type: "meshFailed"; readonly step: StepNumber; readonly reason: string }
  | {
      readonly type: "save";
      readonly step: StepNumber;
      readonly final: boolean;
      /** Part of the checkpoint; undefined if no metric is compared. */
      readonly best?: BestState | undefined;
    }
  /** Answer checkpoint requests with this step: it is saved, or its `save` was emitted before. */
  | { readonly type: "checkpoint"; readonly step: StepNumber }
  /** Nothing is in flight after this step, and nothing begins until the run is resumed. */
  | { readonly type: "paused"; readonly step: StepNumber; readonly by: string | undefined }
  | { readonly type: "resumed"; readonly step: StepNumber; readonly by: string | undefined }
  | { readonly type: "saveFailed"; readonly step: StepNumber; readonly error: CoxswainError }
  | { readonly type: "finish"; readonly outcome: Outcome };

export type EffectOf<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
