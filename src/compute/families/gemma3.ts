/**
 * Gemma 3, text only (`model_type: gemma3_text`): norms of queries and keys; most layers see a sliding window and have
 * rotary positions of another base than those that see everything.
 */
import type { RotarySettings } from "../ops.js";
import type { ConfigReader } from "./config-reader.js";
import { gemma, softCap } from "./gemma.js";
import { alternatingWindows } from "./parse.js";
import { scaledRotary, type RotarySource } from "./rope.js";
import type { RotaryDecoderSpec } from "./spec.js";

export function gemma3(config: ConfigReader): RotaryDecoderSpec {
  if (config.has("attn_logit_softcapping")) {
    throw config.fail('"attn_logit_softcapping" is not supported in this family', "transformers ignores it too.");
  }
  const windows = alternatingWindows(config, config.count("sliding_window_pattern", 6));
  const rotaryOf = (headDim: number): ((layer: number) => RotarySettings) => {
    const sources = rotarySources(config);
    const everything = scaledRotary(config, sources.everything, headDim);
    const inWindow = scaledRotary(config, sources.inWindow, headDim);
    return (layer) => (windows[layer] === null ? everything : inWindow);
  };
  const spec = gemma(config, { family: "gemma3_text", windows, queryKeyNorm: true, rotaryOf });
  return { ...spec, logitSoftCap: softCap(config, "final_logit_softcapping", null) };
}

/** transformers 5 has settings for each type of layer; version 4 two bases, and a scaling for layers without a window. */
function rotarySources(config: ConfigReader): Record<"everything" | "inWindow", RotarySource> {
  const byType = config.section("rope_parameters");
  const scaling = config.section("rope_scaling");
  if (byType?.nestedKeys().length === 0) {
    throw byType.fail('must have settings for "full_attention" and "sliding_attention" layers');
  }
  const everything = scaling ?? byType?.section("full_attention");
  const inWindow = byType?.section("sliding_attention");
  return {
    everything: { parameters: everything, theta: config.positive("rope_theta", 1_000_000) },
    inWindow: { parameters: inWindow, theta: config.positive("rope_local_base_freq", 10_000) },
  };
}
