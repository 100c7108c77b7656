/** Llama 2 and 3, SmolLM2, TinyLlama and others of `model_type: llama`. */
import type { ConfigReader } from "./config-reader.js";
import { decoderSpec, sameWindow } from "./parse.js";
import type { RotaryDecoderSpec } from "./spec.js";

export function llama(config: ConfigReader): RotaryDecoderSpec {
  const attention = config.boolean("attention_bias", false);
  return decoderSpec(config, {
    family: "llama",
    biases: { queryKeyValue: attention, output: attention, mlp: config.boolean("mlp_bias", false) },
    windows: sameWindow(config, null),
  });
}
