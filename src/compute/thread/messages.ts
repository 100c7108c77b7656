/** What crosses between a process's main thread and its compute thread. Everything is cloned but shared vectors. */
import type { Batch } from "../../data/row.js";
import type { PackedError } from "../../packed-error.js";
import type { ModelFolder, LoraLayout, LoraSettings } from "../../model/index.js";
import type { ComputeBackend, DropoutKey, EngineName, EngineOptions, LossSum } from "../engine.js";

/** Calls by name, with their requests and answers. Vectors of the layout's size travel in shared memory. */
export interface Calls {
  readonly load: {
    readonly sent: {
      readonly engine: EngineName;
      readonly model: ModelFolder;
      readonly lora: LoraSettings | null;
      readonly options: EngineOptions;
    };
    readonly answer: { readonly layout: LoraLayout; readonly backend: ComputeBackend };
  };
  readonly setParameters: { readonly sent: { readonly flat: SharedArrayBuffer }; readonly answer: null };
  readonly gradients: {
    readonly sent: { readonly batch: Batch; readonly into: SharedArrayBuffer; readonly dropout: DropoutKey | null };
    readonly answer: LossSum;
  };
  readonly loss: { readonly sent: { readonly batch: Batch }; readonly answer: LossSum };
  readonly openDecoder: { readonly sent: { readonly rows: number }; readonly answer: number };
  readonly feed: {
    readonly sent: {
      readonly decoder: number;
      readonly inputIds: Int32Array;
      readonly valid: Uint8Array;
      readonly length: number;
    };
    readonly answer: Float32Array;
  };
  readonly closeDecoder: { readonly sent: { readonly decoder: number }; readonly answer: null };
  readonly dispose: { readonly sent: null; readonly answer: null };
}

export type CallName = keyof Calls;

export type Request = {
  readonly [Name in CallName]: { readonly id: number; readonly name: Name; readonly sent: Calls[Name]["sent"] };
}[CallName];

export type Reply =
  | { readonly id: number; readonly answer: Calls[CallName]["answer"] }
  | { readonly id: number; readonly error: PackedError };
