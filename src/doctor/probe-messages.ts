/** Messages between the doctor and its measuring process. */
import type { ComputeSettings } from "../compute/index.js";
import type { PackedError } from "../packed-error.js";
import type { LoraSettings } from "../model/index.js";

/** Steps of a model, or of its first layers, on made-up tokens. */
export interface StepProbe {
  readonly kind: "steps";
  readonly model: string;
  readonly lora: LoraSettings;
  readonly compute: ComputeSettings;
  readonly layers: number;
  /** Tokens per row. */
  readonly length: number;
  /** Numbers of rows, one after another; ascending, since a peak stays. */
  readonly rows: readonly number[];
}

/** Loss of the base model on given rows. */
export interface LossProbe {
  readonly kind: "loss";
  readonly model: string;
  readonly compute: ComputeSettings;
  readonly rows: readonly { readonly inputIds: number[]; readonly labels: number[]; readonly segments: number[] }[];
}

export type ProbeRequest = StepProbe | LossProbe;

export interface StepAnswer {
  /** For each number of rows: the most memory that the process had resident until then, and the step's seconds. */
  readonly steps: readonly { readonly peakBytes: number; readonly seconds: number }[];
}

export interface LossAnswer {
  /** Nats per token. */
  readonly loss: number;
  readonly tokens: number;
}

export type ProbeReply = { readonly answer: StepAnswer | LossAnswer } | { readonly error: PackedError };
