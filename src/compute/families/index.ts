/** Model families: from a folder's config.json to a description that the shared decoder runs. */
import { CoxswainError } from "../../errors.js";
import type { ModelFolder } from "../../model/folder.js";
import type { LinearModule, LoraSettings } from "../../model/lora.js";
import { ConfigReader } from "./config-reader.js";
import { projections, weightShapes } from "./decoder.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";
import type { DecoderSpec, FamilyName } from "./spec.js";
import { resolveTargets as matchTargets } from "./targets.js";
import { checkWeights } from "./weights.js";

export { headWeight, hiddenStates, projections, weightShapes } from "./decoder.js";
export type { DecoderSpec, FamilyName } from "./spec.js";

/** A family: reads its config.json. */
export type Family = (config: ConfigReader) => DecoderSpec;

const families: Record<FamilyName, Family> = { llama, mistral, qwen2, qwen3 };

/** Names of the supported families, as config.json's `model_type`. */
export const familyNames = Object.keys(families) as FamilyName[];

/** @throws CoxswainError "model" for a family that is not supported, listing those that are */
export function familyOf(config: Readonly<Record<string, unknown>>): FamilyName {
  const type = config["model_type"];
  const name = familyNames.find((family) => family === type);
  if (name !== undefined) return name;
  const found =
    type === undefined ? "config.json has no model_type" : `model family ${JSON.stringify(type)} is not supported`;
  throw new CoxswainError("model", found, { hint: `Supported families: ${familyNames.join(", ")}.` });
}

/**
 * The model's description, with its weights checked to be there in the right shapes.
 * @throws CoxswainError "model" that names the key, tensor or feature at fault
 */
export function describeModel(model: ModelFolder): DecoderSpec {
  const spec = families[familyOf(model.config)](ConfigReader.of(model));
  checkWeights(model, spec);
  return spec;
}

/** The first `layers` layers of a model, with its embeddings and head; all by default. */
export const shortened = (spec: DecoderSpec, layers = spec.windows.length): DecoderSpec => ({
  ...spec,
  windows: spec.windows.slice(0, layers),
});

export interface ModelFacts {
  readonly family: FamilyName;
  readonly layers: number;
  /** Layers after which the kinds of layers repeat; `layers` where they don't. */
  readonly period: number;
  /** Weights of the whole model, and of its layers. */
  readonly parameters: number;
  readonly layerParameters: number;
  /** Weights of the head, which may be those of the embeddings. */
  readonly headParameters: number;
}

/** @throws CoxswainError "model", as `describeModel` */
export function modelFacts(model: ModelFolder): ModelFacts {
  const spec = describeModel(model);
  const { family, vocabularySize, windows } = spec;
  const parameters = parametersOf(spec);
  return {
    family,
    layers: windows.length,
    period: periodOf(windows),
    parameters,
    layerParameters: parameters - parametersOf(shortened(spec, 0)),
    headParameters: vocabularySize * spec.hiddenSize,
  };
}

const parametersOf = (spec: DecoderSpec): number =>
  [...weightShapes(spec).values()].reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);

/** The smallest number of entries after which `kinds` repeats; all of them where it does not. */
function periodOf(kinds: readonly unknown[]): number {
  for (let period = 1; period < kinds.length; period++)
    if (kinds.every((kind, index) => kind === kinds[index % period])) return period;
  return kinds.length;
}

/** All linear layers but the head, in the model's order: what "all-linear" means in PEFT. */
export function linearModules(model: ModelFolder): LinearModule[] {
  return projections(describeModel(model)).map(({ path, inFeatures, outFeatures }) => ({
    path,
    inFeatures,
    outFeatures,
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
