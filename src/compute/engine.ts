/**
 * The interface of an engine: computes sums of token losses and their LoRA gradients, and logits. An engine does not
 * know steps, shards, workers or optimisers. Methods must not be called concurrently.
 */
import type { Batch } from "../data/row.js";
import type { LoraLayout, LoraSettings, ModelFolder, Quantization } from "../model/index.js";

export type { Quantization } from "../model/index.js";

export type EngineName = "onnx" | "tfjs";
export type Device = "cpu" | "cuda" | "webgpu";
export type ComputeType = "float32" | "float16" | "bfloat16";

export interface EngineOptions {
  /** "auto" has been resolved by the caller. */
  readonly device: Device;
  /** Type of activations and matrix multiplication. The loss and LoRA tensors are f32 always. */
  readonly dtype: ComputeType;
  /** Threads of one computation on a CPU. The last bits of results depend on it: a run fixes it for all its workers. */
  readonly threads: number;
  readonly gradientCheckpointing: boolean;
  /** null: as stored in the model's files. */
  readonly quantization: Quantization | null;
  /** Computes with only this many first layers, for measurements. Default: all. */
  readonly layers?: number;
}

export interface Engine {
  readonly name: EngineName;
  /**
   * Opens a model for LoRA training; `lora: null` opens the base model alone (an empty layout).
   * @throws CoxswainError "model" for a family, file or option that this engine does not support
   */
  load(model: ModelFolder, lora: LoraSettings | null, options: EngineOptions): Promise<Trainable>;
}

export interface LossSum {
  /** Sum of the negative log-likelihoods (nats) over supervised tokens. */
  readonly lossSum: number;
  /** Number of supervised tokens. */
  readonly tokens: number;
}

/**
 * The keys of dropout: the mask of a module is a function of these and the module's name, never of the worker
 * (see `dropout.ts`). Absent in evaluation.
 */
export interface DropoutKey {
  readonly seed: number;
  readonly step: number;
  readonly shard: number;
}

/** The runtime of an engine. Results differ between runtimes in the last bits. */
export interface ComputeBackend {
  /** "onnxruntime", "tfjs-node", "wasm" … */
  readonly name: string;
  /** Why it was chosen, as a clause: "passed over tfjs-node: not installed". */
  readonly reason: string;
  /** A warning for the user before a long run; null if there is none. */
  readonly warning: string | null;
}

export interface Trainable {
  readonly layout: LoraLayout;
  readonly backend: ComputeBackend;
  /** @param flat all LoRA tensors, [layout.size]; copied */
  setParameters(flat: Float32Array): Promise<void>;
  /**
   * The gradient of the **sum** of token losses over the batch, written (not added) to `into`, [layout.size].
   * Bitwise a function of (parameters, batch, dropout key): independent of earlier calls.
   */
  gradients(batch: Batch, into: Float32Array, dropout?: DropoutKey): Promise<LossSum>;
  /** Only the loss: no dropout, no gradient. */
  loss(batch: Batch): Promise<LossSum>;
  /** Opens a generation session over `rows` sequences with a key/value cache. */
  decoder(rows: number): Promise<Decoder>;
  dispose(): Promise<void>;
}

/** Step-by-step generation for several sequences concurrently, with a key/value cache. */
export interface Decoder {
  /**
   * Feeds the next `length` tokens of every sequence.
   * @param inputIds [rows, length]; padding anywhere, marked in `valid`
   * @param valid 1 for a token, 0 for padding, [rows, length]: padding is never attended to and has no position
   * @returns logits after the last place of every row, [rows, vocabulary]
   */
  feed(inputIds: Int32Array, valid: Uint8Array, length: number): Promise<Float32Array>;
  close(): Promise<void>;
}
