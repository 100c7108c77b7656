/** Qwen2 and Qwen2.5 (`model_type: qwen2`): biases on q, k and v; sliding windows on the later layers where used. */
import type { ConfigReader } from "./config-reader.js";
import { decoderSpec, layerWindows } from "./parse.js";
import type { RotaryDecoderSpec } from "./spec.js";

export function qwen2(config: ConfigReader): RotaryDecoderSpec {
  return decoderSpec(config, {
    family: "qwen2",
    keyValueHeads: 32,
    biases: { queryKeyValue: true, output: false, mlp: false },
    windows: layerWindows(config),
  });
}
