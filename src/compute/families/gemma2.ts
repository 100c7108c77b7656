/** Gemma 2 (`model_type: gemma2`): attention scores and logits soft-capped; a sliding window in every other layer. */
import type { ConfigReader } from "./config-reader.js";
import { gemma, softCap } from "./gemma.js";
import { alternatingWindows } from "./parse.js";
import type { RotaryDecoderSpec } from "./spec.js";

export function gemma2(config: ConfigReader): RotaryDecoderSpec {
  const spec = gemma(config, { family: "gemma2", windows: alternatingWindows(config, 2) });
  return {
    ...spec,
    attentionSoftCap: softCap(config, "attn_logit_softcapping", 50),
    logitSoftCap: softCap(config, "final_logit_softcapping", 30),
  };
}
