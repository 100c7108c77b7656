/**
 * LongRoPE (Ding et al. 2024) as Phi-3 uses it: each frequency has its own factor, with one list for sequences within
 * the length that the model was first trained with, another for longer ones. Formulas follow transformers'
 * `modeling_rope_utils.py`. Only the former is supported, so that a token's angles don't depend on what follows it.
 */
import type { RotarySettings } from "../ops.js";
import type { ConfigReader } from "./config-reader.js";
import { rotaryPowers, type RotarySource } from "./rope.js";
import type { PositionLimit } from "./spec.js";

/**
 * @param parameters the rotary settings, of type longrope
 * @param rotated elements of each head that are rotated
 */
export function longRope(
  config: ConfigReader,
  source: RotarySource,
  parameters: ConfigReader,
  rotated: number,
): { readonly rotary: RotarySettings; readonly limit: PositionLimit } {
  const { powers } = rotaryPowers(config, source, rotated);
  // The key next to the settings, and its default, take precedence over one within.
  const original = config.count("original_max_position_embeddings", 4096);
  const factors = factorsOf(parameters, "short_factor", powers.length);
  factorsOf(parameters, "long_factor", powers.length);
  const inverseFrequencies = powers.map((power, i) => 1 / Math.fround(Math.fround(factors[i] ?? 1) * power));
  return {
    rotary: { inverseFrequencies, attentionFactor: attentionFactor(config, parameters, original) },
    limit: {
      positions: original,
      reason: "original_max_position_embeddings: the long factors of rope type longrope are not supported",
    },
  };
}

function attentionFactor(config: ConfigReader, parameters: ConfigReader, original: number): number {
  if (parameters.has("attention_factor")) return parameters.number("attention_factor");
  const factor = parameters.has("factor")
    ? parameters.positive("factor")
    : config.positive("max_position_embeddings", 4096) / original;
  return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
}

function factorsOf(parameters: ConfigReader, key: string, count: number): number[] {
  const value = parameters.raw(key);
  const isNumber = (each: unknown): each is number => typeof each === "number" && each > 0;
  if (Array.isArray(value) && value.length === count && value.every(isNumber)) return value;
  throw parameters.fail(`"${key}" must be a list of ${count} positive numbers`);
}
