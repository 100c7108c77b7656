/** Mistral 7B and others of `model_type: mistral`: llama with a sliding window. */
import type { ConfigReader } from "./config-reader.js";
import { decoderSpec, sameWindow, slidingWindow } from "./parse.js";
import type { DecoderSpec } from "./spec.js";

export function mistral(config: ConfigReader): DecoderSpec {
  return decoderSpec(config, {
    family: "mistral",
    keyValueHeads: 8,
    headDim: null,
    biases: { queryKeyValue: false, output: false, mlp: false },
    queryKeyNorm: false,
    windows: sameWindow(config, slidingWindow(config, 4096)),
  });
}
