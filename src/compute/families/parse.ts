/** What every family reads from config.json in the same way. */
import type { RotarySettings } from "../ops.js";
import type { ConfigReader } from "./config-reader.js";
import { rotarySettings } from "./rope.js";
import type { Biases, FamilyName, RotaryDecoderSpec } from "./spec.js";

/** The differences between families; see `RotaryDecoderSpec`. */
export interface FamilyTraits {
  readonly family: FamilyName;
  readonly windows: readonly (number | null)[];
  /** num_key_value_heads if config.json has none; null means as many as heads. Default: null. */
  readonly keyValueHeads?: number | null;
  /** head_dim if config.json has none; null means hidden_size / num_attention_heads. Default: null. */
  readonly headDim?: number | null;
  /** rms_norm_eps if config.json has none. Default: 1e-6. */
  readonly epsilon?: number;
  /** tie_word_embeddings if config.json has none. Default: false. */
  readonly tiedEmbeddings?: boolean;
  /** Default: silu, as `hidden_act`; gelu_tanh is `hidden_activation`. */
  readonly activation?: RotaryDecoderSpec["activation"];
  /** Rotary settings of each layer. Default: those in config.json, for all layers. */
  readonly rotaryOf?: (headDim: number) => (layer: number) => RotarySettings;
  /** Default: none. */
  readonly biases?: Biases;
  /** Default: false. */
  readonly queryKeyNorm?: boolean;
}

const geluTanh = "gelu_pytorch_tanh";
const noBiases: Biases = { queryKeyValue: false, output: false, mlp: false };

export function decoderSpec(config: ConfigReader, traits: FamilyTraits): RotaryDecoderSpec {
  refuseQuantised(config);
  const { activation = "silu" } = traits;
  if (activation === "silu") requireActivation(config, "hidden_act", "silu", ["silu"]);
  else requireActivation(config, "hidden_activation", geluTanh, [geluTanh]);
  const { heads, keyValueHeads, headDim, ...sizes } = decoderSizes(config, traits);
  const rotaryOf = traits.rotaryOf?.(headDim) ?? sameRotary(rotarySettings(config, headDim));
  return {
    architecture: "rotary",
    family: traits.family,
    ...sizes,
    heads,
    keyValueHeads,
    headDim,
    layers: traits.windows.map((window, layer) => ({ window, rotary: rotaryOf(layer) })),
    epsilon: config.positive("rms_norm_eps", traits.epsilon ?? 1e-6),
    normOffset: 0,
    norms: "before",
    queryKeyNorm: traits.queryKeyNorm ?? false,
    projections: "separate",
    activation,
    biases: traits.biases ?? noBiases,
    embeddingScale: 1,
    attentionScale: 1 / Math.sqrt(headDim),
    attentionSoftCap: null,
    logitSoftCap: null,
    positionLimit: null,
    tiedEmbeddings: config.boolean("tie_word_embeddings", traits.tiedEmbeddings ?? false),
  };
}

const sameRotary = (settings: RotarySettings) => (): RotarySettings => settings;

type Sizes = Pick<
  RotaryDecoderSpec,
  "vocabularySize" | "hiddenSize" | "intermediateSize" | "heads" | "keyValueHeads" | "headDim"
>;

function decoderSizes(config: ConfigReader, traits: FamilyTraits): Sizes {
  const hiddenSize = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const keyValueHeads = config.count("num_key_value_heads", traits.keyValueHeads ?? heads);
  if (heads % keyValueHeads !== 0) {
    throw config.fail(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads}`);
  }
  const headDim = config.count("head_dim", traits.headDim ?? Math.floor(hiddenSize / heads));
  return {
    vocabularySize: config.count("vocab_size"),
    hiddenSize,
    intermediateSize: config.count("intermediate_size"),
    heads,
    keyValueHeads,
    headDim,
  };
}

/** @throws CoxswainError "model" for a folder whose weights are quantised already */
export function refuseQuantised(config: ConfigReader): void {
  if (config.has("quantization_config")) {
    throw config.fail("a quantised base model (quantization_config) is not supported", "Use the unquantised model.");
  }
}

/**
 * @param fallback used if config.json has none
 * @throws CoxswainError "model" for an activation other than `supported`
 */
export function requireActivation(
  config: ConfigReader,
  key: string,
  fallback: string,
  supported: readonly string[],
): void {
  const activation = config.text(key, fallback);
  if (supported.includes(activation)) return;
  throw config.fail(`${key} "${activation}" is not supported`, `Supported: ${supported.join(", ")}.`);
}

/** The same window for every layer. */
export const sameWindow = (config: ConfigReader, window: number | null): (number | null)[] =>
  Array.from({ length: config.count("num_hidden_layers") }, () => window);

/** Windows of qwen2 and qwen3: `use_sliding_window`, `layer_types`, or `max_window_layers`. */
export function layerWindows(config: ConfigReader): (number | null)[] {
  const window = config.boolean("use_sliding_window", false) ? slidingWindow(config, 4096) : null;
  const firstSliding = config.number("max_window_layers", 28);
  return typedWindows(config, window) ?? sameWindow(config, window).map((each, i) => (i >= firstSliding ? each : null));
}

/** Windows of gemma: `layer_types`, or one in all layers except every `period`-th. */
export function alternatingWindows(config: ConfigReader, period: number): (number | null)[] {
  const window = slidingWindow(config, 4096);
  if (window === null) throw config.fail('"sliding_window" must be a number in this family');
  return (
    typedWindows(config, window) ??
    sameWindow(config, window).map((each, layer) => ((layer + 1) % period === 0 ? null : each))
  );
}

/** Windows by `layer_types`; undefined if config.json has none. */
function typedWindows(config: ConfigReader, window: number | null): (number | null)[] | undefined {
  const layers = config.count("num_hidden_layers");
  const types = config.raw("layer_types");
  if (types === undefined || types === null) return undefined;
  if (!Array.isArray(types) || types.length !== layers) {
    throw config.fail(`"layer_types" must be a list of ${layers} entries, one per layer`);
  }
  return types.map((type: unknown) => {
    if (type === "full_attention") return null;
    if (type !== "sliding_attention") throw config.fail(`layer type ${JSON.stringify(type)} is not supported`);
    if (window === null) throw config.fail(`"layer_types" has sliding_attention, but sliding windows are disabled`);
    return window;
  });
}

/** `sliding_window`; `fallback` if absent, none if null. */
export function slidingWindow(config: ConfigReader, fallback: number): number | null {
  if (config.raw("sliding_window") === null) return null;
  return config.count("sliding_window", fallback);
}
