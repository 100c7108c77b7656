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
  /** Active workers below which no step begins. */
  readonly minWorkers: number;
  /** A worker that says nothing for this long is taken for dead, ms. */
  readonly silenceTimeout: number;
  /** Workers compute in float16: an overflow is a reason why a loss may not be finite. */
  readonly float16: boolean;
  /** Step 1 begins with an adapter that changes nothing: what is not finite then is the model's. Default: no. */
  readonly freshAdapter?: boolean;
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
  /** Whether an evaluation after this step is in the run's record; asked of steps before this life of the coordinator alone. */
  readonly evaluated: (step: StepNumber) => boolean;
  /** Elements of the flat gradient. */
  readonly gradientSize: number;
  /** Slices of it begin at multiples of so many elements. Default: the block of the gradient's norm. */
  readonly sliceBlock?: number;
  /** How many of so many workers that could reduce a step do (mesh); below 2 the coordinator does (star). */
  readonly reducers: (workers: number) => number;
  /** A run that was interrupted: whom to wait for before it goes on. Undefined: go on from the start state at once. */
  readonly recovery?: RecoverySettings;
}

export interface RecoverySettings {
  /** Workers that took part and may still have a later state than the start: offers to wait for. */
  readonly survivors: number;
  /** How long to wait for their replicas, ms. */
  readonly timeout: number;
}

/** The state after a step, by its fingerprint. */
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

/** A slice of a committed step's gradient, and the worker that has it; undefined: only the coordinator. */
export interface ReducedSlice extends Slice {
  readonly reducer: WorkerId | undefined;
}

export interface ShardResult {
  readonly shard: ShardIndex;
  /** Nats, summed over the shard's supervised tokens. */
  readonly lossSum: number;
  readonly supervisedTokens: number;
  /** Seconds of computation. */
  readonly seconds: number;
}

/** first: nobody had it. again: its worker is gone or late. stolen: its worker has it, too, but is behind. */
export type LeaseKind = "first" | "again" | "stolen";

export type Event =
  /** A control stream opened, and its version and token were right. */
  | { readonly type: "joined"; readonly worker: WorkerId }
  /** The worker has loaded the model. */
  | {
      readonly type: "ready";
      readonly worker: WorkerId;
      /** Others can pull from it. */
      readonly reachable: boolean;
      /** What it still has of this run. */
      readonly replica: HeldReplica | undefined;
    }
  /** Anything was heard of it. */
  | { readonly type: "heard"; readonly worker: WorkerId }
  /** Its replica is at `step`. */
  | { readonly type: "applied"; readonly worker: WorkerId; readonly step: StepNumber; readonly hash: string }
  /** It missed a step and asks for the replica. */
  | { readonly type: "resynchronise"; readonly worker: WorkerId }
  /** It has nothing to compute (any more): what was taken back from it is off its hands. */
  | { readonly type: "idle"; readonly worker: WorkerId }
  /** It has computed a shard. */
  | {
      readonly type: "computed";
      readonly worker: WorkerId;
      readonly task: Task;
      readonly step: StepNumber;
      readonly result: ShardResult;
    }
  /** The sum of a node of the reduction tree is ready there. */
  | { readonly type: "contribution"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** A contribution's gradient is here. */
  | { readonly type: "received"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** A contribution's gradient could not be had, although the worker may still be there. */
  | { readonly type: "receiveFailed"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** A slice's sum over all shards is complete at its reducer. */
  | { readonly type: "sliceReduced"; readonly worker: WorkerId; readonly step: StepNumber; readonly slice: number }
  /** A reducer could not pull a contribution from its source. */
  | {
      readonly type: "collectFailed";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: number;
      readonly node: TreeNode;
      readonly source: WorkerId;
    }
  /** A slice's sum is here, or could not be had. */
  | { readonly type: "gathered"; readonly worker: WorkerId; readonly step: StepNumber; readonly slice: number }
  | { readonly type: "gatherFailed"; readonly worker: WorkerId; readonly step: StepNumber; readonly slice: number }
  /** The coordinator's own replica is now the worker's, or could not be made so. */
  | { readonly type: "adopted"; readonly worker: WorkerId; readonly replica: HeldReplica }
  | { readonly type: "adoptFailed"; readonly worker: WorkerId }
  /** So many of those who took part before may still come back with what they have. */
  | { readonly type: "survivors"; readonly count: number }
  /** It wants to go when what it has computed was taken. */
  | { readonly type: "draining"; readonly worker: WorkerId }
  /** It is gone: its stream ended, it said goodbye, or it failed. */
  | { readonly type: "left"; readonly worker: WorkerId; readonly reason: string }
  /** The tree's sum is complete; `gradNorm` is that of the mean gradient. */
  | { readonly type: "reduced"; readonly step: StepNumber; readonly gradNorm: number }
  /** The coordinator's own replica has applied the step. */
  | { readonly type: "committed"; readonly step: StepNumber; readonly hash: string }
  | { readonly type: "saved"; readonly step: StepNumber }
  | { readonly type: "saveFailed"; readonly step: StepNumber; readonly error: CoxswainError }
  /** Nothing new is to begin once the step (or evaluation) in flight is finished. `by`: who asks, for the record. */
  | { readonly type: "pause"; readonly by: string | undefined }
  | { readonly type: "resume"; readonly by: string | undefined }
  /** A checkpoint is wanted: of the step in flight where one is computed, else of the newest committed one. */
  | { readonly type: "checkpoint" }
  /** The run is to stop after the step in flight; `returning`: only until its coordinator is started again. */
  | { readonly type: "stop"; readonly reason: string; readonly returning: boolean }
  /** The run cannot go on for a reason from outside. */
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
  /** Who must be told. */
  readonly workers: readonly WorkerId[];
  /** Where the reduced gradient is, in order of offsets; empty: at the coordinator alone. */
  readonly slices: readonly ReducedSlice[];
  /** How many computed or could have: the `workers` of metrics.jsonl. */
  readonly activeWorkers: number;
  readonly shards: number;
  /** When the round began, and when its last gradient was here (the machine's clock, ms). */
  readonly startedAt: number;
  readonly computedAt: number;
}

export type Outcome =
  | { readonly kind: "completed" }
  /** `returning`: its coordinator is started again, and workers wait for that. */
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
    }
  /** Tell a worker not to begin these shards any more. */
  | {
      readonly type: "revoke";
      readonly worker: WorkerId;
      readonly task: Task;
      readonly step: StepNumber;
      readonly first: ShardIndex;
      readonly count: number;
    }
  /** Fetch a contribution's gradient (or wait until it is pushed). */
  | { readonly type: "receive"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** Put a received gradient into the tree. */
  | { readonly type: "accept"; readonly worker: WorkerId; readonly step: StepNumber; readonly node: TreeNode }
  /** Tell a worker that a slice is its to sum. */
  | {
      readonly type: "reduceSlice";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: Slice;
      readonly roundShards: number;
    }
  /** Tell a reducer to pull its slice of a contribution from a worker (perhaps itself). */
  | {
      readonly type: "collect";
      readonly worker: WorkerId;
      readonly step: StepNumber;
      readonly slice: number;
      readonly node: TreeNode;
      readonly source: WorkerId;
    }
  /** Every shard was announced: reducers are told at once what they have not been told. */
  | { readonly type: "allAnnounced"; readonly step: StepNumber }
  /** Pull a slice's sum from its reducer. */
  | { readonly type: "gather"; readonly worker: WorkerId; readonly step: StepNumber; readonly slice: Slice }
  /** All shards are here: take the sum and its norm. `tokens` is the global batch's supervised-token count. */
  | { readonly type: "reduce"; readonly step: StepNumber; readonly tokens: number }
  | CommitEffect
  /** A committed step is in a worker's replica: from now on it outlives the coordinator, and may be told to the world. */
  | { readonly type: "replicated"; readonly step: StepNumber }
  | { readonly type: "evaluated"; readonly step: StepNumber; readonly loss: number; readonly tokens: number }
  /** A step's loss or gradient is not a number: it is not applied, and the run ends. */
  | { readonly type: "notFinite"; readonly step: StepNumber }
  /** A replica differs from ours: say so. A `synchronise` follows. */
  | { readonly type: "mismatch"; readonly worker: WorkerId; readonly step: StepNumber }
  /** Take over a worker's replica; it must have this hash. */
  | { readonly type: "adopt"; readonly worker: WorkerId; readonly replica: HeldReplica }
  /** An interrupted run goes on after this step: what it recorded of later ones does not count. */
  | { readonly type: "recovered"; readonly step: StepNumber; readonly from: WorkerId | undefined }
  /** It has handed over all it had: tell it to go. */
  | { readonly type: "dismiss"; readonly worker: WorkerId }
  /** Close its stream. */
  | { readonly type: "drop"; readonly worker: WorkerId; readonly reason: string }
  /** Shards that are taken from the worker that held them: it is gone, or late. */
  | {
      readonly type: "lost";
      readonly worker: WorkerId;
      readonly count: number;
      readonly late: boolean;
      readonly reason: string;
    }
  /** The workers could not reduce among themselves: the coordinator finishes the step. */
  | { readonly type: "meshFailed"; readonly step: StepNumber; readonly reason: string }
  | { readonly type: "save"; readonly step: StepNumber; readonly final: boolean }
  /** Those who wait for a checkpoint get the one of this step: it is saved, or a `save` of it has come before. */
  | { readonly type: "checkpoint"; readonly step: StepNumber }
  /** Nothing is in flight after this step, and nothing begins until somebody resumes the run. */
  | { readonly type: "paused"; readonly step: StepNumber; readonly by: string | undefined }
  | { readonly type: "resumed"; readonly step: StepNumber; readonly by: string | undefined }
  | { readonly type: "saveFailed"; readonly step: StepNumber; readonly error: CoxswainError }
  | { readonly type: "finish"; readonly outcome: Outcome };

export type EffectOf<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
