/** What Gemma 2 and 3 have in common. */
import type { ConfigReader } from "./config-reader.js";
import { decoderSpec, type FamilyTraits } from "./parse.js";
import type { RotaryDecoderSpec } from "./spec.js";

/**
 * Norms around attention and MLP, whose weights are stored minus 1; tanh-approximated gelu in the MLP; embeddings times
 * sqrt(hidden), rounded to f32, the type of activations here (transformers rounds it to the model's type).
 */
export function gemma(
  config: ConfigReader,
  traits: Pick<FamilyTraits, "family" | "windows" | "rotaryOf" | "queryKeyNorm">,
): RotaryDecoderSpec {
  if (config.boolean("use_bidirectional_attention", false)) {
    throw config.fail("use_bidirectional_attention is not supported", "Only causal language models can be trained.");
  }
  const bias = config.boolean("attention_bias", false);
  const spec = decoderSpec(config, {
    ...traits,
    keyValueHeads: 4,
    headDim: 256,
    tiedEmbeddings: true,
    activation: "gelu_tanh",
    biases: { queryKeyValue: bias, output: bias, mlp: false },
  });
  return {
    ...spec,
    normOffset: 1,
    norms: "around",
    embeddingScale: Math.fround(Math.sqrt(spec.hiddenSize)),
    attentionScale: 1 / Math.sqrt(config.positive("query_pre_attn_scalar", 256)),
  };
}

/** A cap of logits or scores: `fallback` if the key is absent, none if it is null. */
export function softCap(config: ConfigReader, key: string, fallback: number | null): number | null {
  if (config.raw(key) === null || (fallback === null && !config.has(key))) return null;
  return config.positive(key, fallback ?? undefined);
}
