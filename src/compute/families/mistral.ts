/** Mistral 7B and others of `model_type: mistral`: llama with a sliding window. */
import type { ConfigReader } from "./config-reader.js";
import { decoderSpec, sameWindow, slidingWindow } from "./parse.js";
import type { RotaryDecoderSpec } from "./spec.js";

export function mistral(config: ConfigReader): RotaryDecoderSpec {
  return decoderSpec(config, {
    family: "mistral",
    keyValueHeads: 8,
    windows: sameWindow(config, slidingWindow(config, 4096)),
  });
}
