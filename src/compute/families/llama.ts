/** Llama 2 and 3, SmolLM2, TinyLlama and others of `model_type: llama`. */
import type { ConfigReader } from "./config-reader.js";
import { decoderSpec, sameWindow } from "./parse.js";
import type { DecoderSpec } from "./spec.js";

export function llama(config: ConfigReader): DecoderSpec {
  const attention = config.boolean("attention_bias", false);
  return decoderSpec(config, {
    family: "llama",
    keyValueHeads: null,
    headDim: null,
    biases: { queryKeyValue: attention, output: attention, mlp: config.boolean("mlp_bias", false) },
    queryKeyNorm: false,
    windows: sameWindow(config, null),
  });
}
