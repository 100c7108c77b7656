/**
 * What the supported families have in common: a pre-norm decoder with rotary positions, grouped-query attention and a
 * gated MLP. A family reads config.json into this description; `decoder.ts` turns it into operations.
 */
import type { RotarySettings } from "../ops.js";

export type FamilyName = "llama" | "mistral" | "qwen2" | "qwen3";

export interface DecoderSpec {
  readonly family: FamilyName;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** rms_norm_eps */
  readonly epsilon: number;
  readonly rotary: RotarySettings;
  /** Attention window of each layer, null where it sees everything; its length is the number of layers. */
  readonly windows: readonly (number | null)[];
  /** Which linear layers have a bias. */
  readonly biases: { readonly queryKeyValue: boolean; readonly output: boolean; readonly mlp: boolean };
  /** RMS norm of each query and key head before rotation. */
  readonly queryKeyNorm: boolean;
  /** The output head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
}
