/**
 * What a family reads config.json into. Engines know what every model has (`ModelSpec`); the rest is for the decoder that
 * turns the description into operations: `decoder.ts` for most families, `gpt2-decoder.ts` for GPT-2.
 */
import type { RotarySettings } from "../ops.js";

export type FamilyName = "llama" | "mistral" | "qwen2" | "qwen3" | "phi3" | "gemma2" | "gemma3_text" | "gpt2";

export interface LayerSpec {
  /** A token sees itself and the `window - 1` before it; null sees all before it. */
  readonly window: number | null;
}

/** Positions that a model cannot go beyond. */
export interface PositionLimit {
  /** Positions 0 to `positions - 1` can be computed. */
  readonly positions: number;
  /** What sets the limit, as it stands in config.json. */
  readonly reason: string;
}

/** What engines need to know of any model. */
export interface ModelSpec {
  readonly family: FamilyName;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly layers: readonly LayerSpec[];
  /** Logits l become cap * tanh(l / cap); null leaves them. */
  readonly logitSoftCap: number | null;
  /** null where nothing but training sets one. */
  readonly positionLimit: PositionLimit | null;
  /** The output head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
}

export interface RotaryLayerSpec extends LayerSpec {
  /** The same object in layers of the same settings. */
  readonly rotary: RotarySettings;
}

/** Which linear layers have a bias. */
export interface Biases {
  readonly queryKeyValue: boolean;
  readonly output: boolean;
  readonly mlp: boolean;
}

/** A decoder with rotary positions, grouped-query attention, RMS norms and a gated MLP. */
export interface RotaryDecoderSpec extends ModelSpec {
  readonly architecture: "rotary";
  readonly layers: readonly RotaryLayerSpec[];
  readonly intermediateSize: number;
  /** rms_norm_eps */
  readonly epsilon: number;
  /** What is added to the weight of every norm: gemma stores them around 0. */
  readonly normOffset: number;
  /** Norms of what goes into attention and MLP, or also of what comes out before it is added. */
  readonly norms: "before" | "around";
  /** RMS norm of each query and key head before rotation. */
  readonly queryKeyNorm: boolean;
  /** q, k, v and gate, up: a linear layer each, or one for q, k, v and one for gate, up. */
  readonly projections: "separate" | "fused";
  readonly activation: "silu" | "gelu_tanh";
  readonly biases: Biases;
  /** What embeddings are multiplied by. */
  readonly embeddingScale: number;
  /** What q k^T is multiplied by. */
  readonly attentionScale: number;
  /** Scores s become cap * tanh(s / cap); null leaves them. */
  readonly attentionSoftCap: number | null;
}

export interface Gpt2LayerSpec extends LayerSpec {
  /** What q k^T is multiplied by. */
  readonly attentionScale: number;
}

/** GPT-2's decoder: learned positions, layer norms, biases everywhere, weights stored [in, out]. */
export interface Gpt2Spec extends ModelSpec {
  readonly architecture: "gpt2";
  readonly layers: readonly Gpt2LayerSpec[];
  /** Rows of the position embedding, which `positionLimit` follows. */
  readonly positions: number;
  readonly intermediateSize: number;
  /** layer_norm_epsilon */
  readonly epsilon: number;
}

export type DecoderSpec = RotaryDecoderSpec | Gpt2Spec;

/** The rotary settings that layers have, each once. */
export const rotariesOf = (spec: DecoderSpec): readonly RotarySettings[] =>
  spec.architecture === "gpt2" ? [] : [...new Set(spec.layers.map(({ rotary }) => rotary))];
