/** What every family reads from config.json in the same way. */
import type { ConfigReader } from "./config-reader.js";
import { rotarySettings } from "./rope.js";
import type { DecoderSpec, FamilyName } from "./spec.js";

/** What differs between families; see `DecoderSpec`. */
export interface FamilyTraits {
  readonly family: FamilyName;
  /** num_key_value_heads where config.json has none; null means as many as heads. */
  readonly keyValueHeads: number | null;
  /** head_dim where config.json has none; null means hidden_size / num_attention_heads. */
  readonly headDim: number | null;
  readonly biases: DecoderSpec["biases"];
  readonly queryKeyNorm: boolean;
  readonly windows: readonly (number | null)[];
}

export function decoderSpec(config: ConfigReader, traits: FamilyTraits): DecoderSpec {
  refuseUnsupported(config);
  const hiddenSize = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const keyValueHeads = config.count("num_key_value_heads", traits.keyValueHeads ?? heads);
  if (heads % keyValueHeads !== 0) {
    throw config.fail(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads}`);
  }
  const headDim = config.count("head_dim", traits.headDim ?? Math.floor(hiddenSize / heads));
  return {
    family: traits.family,
    vocabularySize: config.count("vocab_size"),
    hiddenSize,
    intermediateSize: config.count("intermediate_size"),
    heads,
    keyValueHeads,
    headDim,
    epsilon: config.positive("rms_norm_eps", 1e-6),
    rotary: rotarySettings(config, headDim),
    windows: traits.windows,
    biases: traits.biases,
    queryKeyNorm: traits.queryKeyNorm,
    tiedEmbeddings: config.boolean("tie_word_embeddings", false),
  };
}

function refuseUnsupported(config: ConfigReader): void {
  const activation = config.text("hidden_act", "silu");
  if (activation !== "silu") throw config.fail(`hidden_act "${activation}" is not supported`, "Supported: silu.");
  if (config.has("quantization_config")) {
    throw config.fail("a quantised base model (quantization_config) is not supported", "Use the unquantised model.");
  }
}

/** Every layer with the same window. */
export const sameWindow = (config: ConfigReader, window: number | null): (number | null)[] =>
  Array.from({ length: config.count("num_hidden_layers") }, () => window);

/** Windows of qwen2 and qwen3: `use_sliding_window`, `layer_types`, or else `max_window_layers`. */
export function layerWindows(config: ConfigReader): (number | null)[] {
  const layers = config.count("num_hidden_layers");
  const window = config.boolean("use_sliding_window", false) ? slidingWindow(config, 4096) : null;
  const types = config.raw("layer_types");
  if (types === undefined || types === null) {
    const firstSliding = config.number("max_window_layers", 28);
    return Array.from({ length: layers }, (_, layer) => (layer >= firstSliding ? window : null));
  }
  if (!Array.isArray(types) || types.length !== layers) {
    throw config.fail(`"layer_types" must be a list of ${layers} entries, one a layer`);
  }
  return types.map((type: unknown) => {
    if (type === "full_attention") return null;
    if (type !== "sliding_attention") throw config.fail(`layer type ${JSON.stringify(type)} is not supported`);
    if (window === null) throw config.fail(`"layer_types" has sliding_attention, but no sliding window is in use`);
    return window;
  });
}

/** `sliding_window`; absent is `fallback`, an explicit null is none. */
export function slidingWindow(config: ConfigReader, fallback: number): number | null {
  if (config.raw("sliding_window") === null) return null;
  return config.count("sliding_window", fallback);
}
