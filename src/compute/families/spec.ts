/**
 * The description that a family reads from config.json. Engines use the part common to all models (`ModelSpec`); the
 * rest is for the decoder that turns the description into operations: `decoder.ts` for most families, `gpt2-decoder.ts`
 * for GPT-2.
 */
import type { RotarySettings } from "../ops.js";

export type FamilyName = "llama" | "mistral" | "qwen2" | "qwen3" | "phi3" | "gemma2" | "gemma3_text" | "gpt2";

export interface LayerSpec {
  /** A token sees itself and the `window - 1` before it; null: all before it. */
  readonly window: number | null;
}

/** The maximum number of positions of a model. */
export interface PositionLimit {
  /** Positions 0 to `positions - 1` can be computed. */
  readonly positions: number;
  /** The key in config.json that sets the limit. */
  readonly reason: string;
}

/** The part of a model's description that engines need. */
export interface ModelSpec {
  readonly family: FamilyName;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly layers: readonly LayerSpec[];
  /** Logits l become cap * tanh(l / cap); null: unchanged. */
  readonly logitSoftCap: number | null;
  /** null if only the training length sets a limit. */
  readonly positionLimit: PositionLimit | null;
  /** The output head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
}

export interface RotaryLayerSpec extends LayerSpec {
  /** The same object for layers with the same settings. */
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
  /** Added to the weight of every norm: gemma stores them around 0. */
  readonly normOffset: number;
  /** Norms of the inputs of attention and MLP, or also of their outputs before they are added. */
  readonly norms: "before" | "around";
  /** RMS norm of each query and key head before rotation. */
  readonly queryKeyNorm: boolean;
  /** q, k, v, gate and up: separate linear layers, or one for q, k, v and one for gate, up. */
  readonly projections: "separate" | "fused";
  readonly activation: "silu" | "gelu_tanh";
  readonly biases: Biases;
  /** Factor of the embeddings. */
  readonly embeddingScale: number;
  /** Factor of q k^T. */
  readonly attentionScale: number;
  /** Scores s become cap * tanh(s / cap); null: unchanged. */
  readonly attentionSoftCap: number | null;
}

export interface Gpt2LayerSpec extends LayerSpec {
  /** Factor of q k^T. */
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

/** The distinct rotary settings of the layers. */
export const rotariesOf = (spec: DecoderSpec): readonly RotarySettings[] =>
  spec.architecture === "gpt2" ? [] : [...new Set(spec.layers.map(({ rotary }) => rotary))];
