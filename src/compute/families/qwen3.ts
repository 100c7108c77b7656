/** Qwen3 dense models (`model_type: qwen3`): RMS norms on each query and key head, head_dim apart from the rest. */
import type { ConfigReader } from "./config-reader.js";
import { decoderSpec, layerWindows } from "./parse.js";
import type { RotaryDecoderSpec } from "./spec.js";

export function qwen3(config: ConfigReader): RotaryDecoderSpec {
  const attention = config.boolean("attention_bias", false);
  return decoderSpec(config, {
    family: "qwen3",
    keyValueHeads: 32,
    headDim: 128,
    biases: { queryKeyValue: attention, output: attention, mlp: false },
    queryKeyNorm: true,
    windows: layerWindows(config),
  });
}
