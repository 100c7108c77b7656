/**
 * Rotary frequencies from config.json, of transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`).
 * Formulas and f32 rounding follow transformers' `modeling_rope_utils.py`.
 */
import type { CoxswainError } from "../../errors.js";
import type { RotarySettings } from "../ops.js";
import type { ConfigReader } from "./config-reader.js";

const scalings = ["default", "linear", "llama3", "yarn"];
const f32 = Math.fround;

/** The rotary settings in config.json, and their defaults. */
export interface RotarySource {
  /** The settings; undefined if there are none. */
  readonly parameters: ConfigReader | undefined;
  /** rope_theta if the settings have none. */
  readonly theta: number;
}

/** The settings of all layers. */
export const rotarySource = (config: ConfigReader): RotarySource => ({
  parameters: config.section("rope_scaling") ?? config.section("rope_parameters"),
  theta: config.positive("rope_theta", 10000),
});

/**
 * Rotary settings of a model with the same settings in all layers and full rotation of heads.
 * @throws CoxswainError "model" for a rope type, or a partial rotation, that is not supported
 */
export function rotarySettings(config: ConfigReader, headDim: number): RotarySettings {
  const source = rotarySource(config);
  const nested = source.parameters?.nestedKeys() ?? [];
  if (source.parameters && nested.length > 0) {
    throw source.parameters.fail(`per-layer rotary settings (${nested.join(", ")}) are not supported`);
  }
  if (partialFactor(config, source) !== 1) throw config.fail("partial_rotary_factor other than 1 is not supported");
  return scaledRotary(config, source, headDim);
}

/** The share of each head that is rotated. */
export function partialFactor(config: ConfigReader, { parameters }: RotarySource): number {
  const key = "partial_rotary_factor";
  return parameters?.has(key) ? parameters.positive(key) : config.positive(key, 1);
}

/**
 * @param rotated elements of each head that are rotated
 * @throws CoxswainError "model" for a rope type that is not supported
 */
export function scaledRotary(config: ConfigReader, source: RotarySource, rotated: number): RotarySettings {
  const { parameters } = source;
  const { theta, powers } = rotaryPowers(config, source, rotated);
  const plain = powers.map((power) => 1 / power);
  if (parameters === undefined) return { inverseFrequencies: plain, attentionFactor: 1 };
  const type = ropeType(parameters);
  switch (type) {
    case "default":
      return { inverseFrequencies: plain, attentionFactor: 1 };
    case "linear": {
      const factor = parameters.positive("factor");
      return { inverseFrequencies: plain.map((frequency) => frequency / factor), attentionFactor: 1 };
    }
    case "llama3":
      return { inverseFrequencies: llama3(parameters, config, plain), attentionFactor: 1 };
    case "yarn":
      return yarn(parameters, config, theta, powers);
    default:
      throw unsupportedRope(parameters, scalings);
  }
}

export const ropeType = (parameters: ConfigReader): string =>
  parameters.has("rope_type") ? parameters.text("rope_type") : parameters.text("type", "default");

export function unsupportedRope(parameters: ConfigReader, supported: readonly string[]): CoxswainError {
  const hint = `Supported rope types: ${supported.join(", ")}.`;
  return parameters.fail(`rope type "${ropeType(parameters)}" is not supported`, hint);
}

/** theta ** (2 i / rotated) for each pair, in f32 as torch computes it. */
export function rotaryPowers(
  config: ConfigReader,
  { parameters, theta: fallback }: RotarySource,
  rotated: number,
): { readonly theta: number; readonly powers: Float32Array } {
  if (rotated < 2 || rotated % 2 !== 0) {
    throw config.fail(`${rotated} elements of each head would be rotated, but rotary positions need an even number`);
  }
  const theta = parameters?.positive("rope_theta", fallback) ?? fallback;
  const powers = Float32Array.from({ length: rotated / 2 }, (_, i) => Math.pow(theta, f32((2 * i) / rotated)));
  return { theta, powers };
}

/** A value next to the rotary settings takes precedence over one within, as in transformers. */
function originalLength(parameters: ConfigReader, config: ConfigReader): number {
  const key = "original_max_position_embeddings";
  if (config.has(key)) return config.positive(key);
  return parameters.has(key) ? parameters.positive(key) : config.positive("max_position_embeddings");
}

/** Long wavelengths are divided by `factor`, short ones kept, those between interpolated (Llama 3.1). */
function llama3(parameters: ConfigReader, config: ConfigReader, plain: Float32Array): Float32Array {
  const factor = parameters.positive("factor");
  const low = parameters.positive("low_freq_factor");
  const high = parameters.positive("high_freq_factor");
  const original = originalLength(parameters, config);
  return plain.map((frequency) => {
    const wavelength = f32((2 * Math.PI) / frequency);
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return frequency / factor;
    const smooth = f32(f32(f32(original / wavelength) - low) / (high - low));
    return f32(f32(f32(1 - smooth) * frequency) / factor) + f32(smooth * frequency);
  });
}

/** YaRN (Peng et al. 2023): a ramp over dimensions from extrapolation to interpolation, and an attention factor. */
function yarn(parameters: ConfigReader, config: ConfigReader, theta: number, powers: Float32Array): RotarySettings {
  const original = originalLength(parameters, config);
  const factor = parameters.has("factor")
    ? parameters.positive("factor")
    : config.positive("max_position_embeddings") / original;
  const dimension = powers.length * 2;
  const correction = (rotations: number): number =>
    (dimension * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const truncate = parameters.boolean("truncate", true);
  // 0 means the default, as in transformers (`get(...) or 32`).
  const first = correction(parameters.number("beta_fast", 32) || 32);
  const last = correction(parameters.number("beta_slow", 1) || 1);
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  let high = Math.min(truncate ? Math.ceil(last) : last, dimension - 1);
  if (low === high) high += 0.001;
  const inverseFrequencies = powers.map((power, i) => {
    const ramp = Math.min(1, Math.max(0, f32(f32(i - low) / f32(high - low))));
    const keep = f32(1 - ramp);
    const interpolated = f32(1 / f32(factor * power));
    const extrapolated = f32(1 / power);
    return f32(interpolated * f32(1 - keep)) + f32(extrapolated * keep);
  });
  return { inverseFrequencies, attentionFactor: yarnAttentionFactor(parameters, factor) };
}

function yarnAttentionFactor(parameters: ConfigReader, factor: number): number {
  if (parameters.has("attention_factor")) return parameters.number("attention_factor");
  const magnitude = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const mscale = parameters.number("mscale", 0);
  const mscaleAllDim = parameters.number("mscale_all_dim", 0);
  return mscale !== 0 && mscaleAllDim !== 0 ? magnitude(mscale) / magnitude(mscaleAllDim) : magnitude(1);
}
