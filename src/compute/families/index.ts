/** Model families: from a folder's config.json to a description that a decoder runs. */
import { CoxswainError } from "../../errors.js";
import type { ModelFolder } from "../../model/folder.js";
import { withTransformersNames } from "../../model/gpt2-weights.js";
import type { LinearModule, LoraSettings } from "../../model/lora.js";
import { ConfigReader } from "./config-reader.js";
import { projections } from "./architecture.js";
import { gemma2 } from "./gemma2.js";
import { gemma3 } from "./gemma3.js";
import { gpt2 } from "./gpt2.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { phi3 } from "./phi3.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";
import type { DecoderSpec, FamilyName, PositionLimit } from "./spec.js";
import { resolveTargets as matchTargets } from "./targets.js";
import { checkWeights } from "./weights.js";

export { headWeight, hiddenStates, projections, weightShapes } from "./architecture.js";
export { rotariesOf } from "./spec.js";
export type { DecoderSpec, FamilyName, ModelSpec, PositionLimit, RotaryDecoderSpec } from "./spec.js";

/** A family: reads its config.json. */
export type Family = (config: ConfigReader) => DecoderSpec;

export const families: Record<FamilyName, Family> = {
  llama,
  mistral,
  qwen2,
  qwen3,
  phi3,
  gemma2,
  gemma3_text: gemma3,
  gpt2,
};

/** Names of the supported families, as config.json's `model_type`. */
export const familyNames = Object.keys(families) as FamilyName[];

/** @throws CoxswainError "model" for a family that is not supported, listing those that are */
export function familyOf(config: Readonly<Record<string, unknown>>): FamilyName {
  const type = config["model_type"];
  const name = familyNames.find((family) => family === type);
  if (name !== undefined) return name;
  const found =
    type === undefined ? "config.json has no model_type" : `model family ${JSON.stringify(type)} is not supported`;
  const more =
    type === "gemma3" ? " Of Gemma 3 those without images (gemma3_text), such as the 270M and 1B models." : "";
  throw new CoxswainError("model", found, { hint: `Supported families: ${familyNames.join(", ")}.${more}` });
}

/**
 * The model's description, with its weights checked to be there in the right shapes.
 * @throws CoxswainError "model" that names the key, tensor or feature at fault
 */
export function describeModel(folder: ModelFolder): DecoderSpec {
  const model = withTransformersNames(folder);
  const spec = families[familyOf(model.config)](ConfigReader.of(model));
  checkWeights(model, spec);
  return spec;
}

/** The most positions that a model can compute, and why; null where there is no such limit. */
export const positionLimit = (model: ModelFolder): PositionLimit | null => describeModel(model).positionLimit;

/** All linear layers but the head, in the model's order: what "all-linear" means in PEFT. */
export function linearModules(model: ModelFolder): LinearModule[] {
  return projections(describeModel(model)).map(({ path, inFeatures, outFeatures, inputsFirst }) => ({
    path,
    inFeatures,
    outFeatures,
    ...(inputsFirst === undefined ? {} : { inputsFirst }),
  }));
}

/**
 * The modules that a run adapts, in the model's order.
 * @throws CoxswainError "model" for a target that matches nothing, listing what exists
 */
export function resolveTargets(
  settings: Pick<LoraSettings, "targetModules">,
  modules: readonly LinearModule[],
): LinearModule[] {
  return matchTargets(settings.targetModules, modules);
}
