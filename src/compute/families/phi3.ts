/**
 * Phi-3, Phi-3.5 and Phi-4 text models (`model_type: phi3`): one linear layer for q, k and v, one for gate and up; a part
 * of each head rotated in the later ones; sliding window; LongRoPE within the original length.
 */
import type { RotarySettings } from "../ops.js";
import type { ConfigReader } from "./config-reader.js";
import { longRope } from "./longrope.js";
import { decoderSpec, sameWindow } from "./parse.js";
import { partialFactor, ropeType, rotarySource, scaledRotary, unsupportedRope } from "./rope.js";
import type { PositionLimit, RotaryDecoderSpec } from "./spec.js";

export function phi3(config: ConfigReader): RotaryDecoderSpec {
  let positionLimit: PositionLimit | null = null;
  const rotaryOf = (headDim: number): (() => RotarySettings) => {
    const { rotary, limit } = rotaryAndLimit(config, headDim);
    positionLimit = limit;
    return () => rotary;
  };
  const window = config.has("sliding_window") ? config.count("sliding_window") : null;
  const spec = decoderSpec(config, { family: "phi3", windows: sameWindow(config, window), epsilon: 1e-5, rotaryOf });
  return { ...spec, projections: "fused", positionLimit };
}

function rotaryAndLimit(
  config: ConfigReader,
  headDim: number,
): { readonly rotary: RotarySettings; readonly limit: PositionLimit | null } {
  const source = rotarySource(config);
  const { parameters } = source;
  const rotated = Math.floor(headDim * partialFactor(config, source));
  if (parameters === undefined) return { rotary: scaledRotary(config, source, rotated), limit: null };
  switch (ropeType(parameters)) {
    case "default":
      return { rotary: scaledRotary(config, source, rotated), limit: null };
    // "su" and "yarn" were names of longrope in early models of this family.
    case "longrope":
    case "su":
    case "yarn":
      return longRope(config, source, parameters, rotated);
    default:
      throw unsupportedRope(parameters, ["default", "longrope"]);
  }
}
