/** Model families: convert a folder's config.json to a description that a decoder runs. */
import { join } from "node:path";
import { CoxswainError } from "../../errors.js";
import type { ModelFolder, LinearModule, LoraSettings } from "../../model/index.js";
import { withTransformersNames, headName } from "../../model/index.js";
import { ConfigReader } from "./config-reader.js";
import { embeddingWeight, projections } from "./architecture.js";
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

/**
 * @param folder where the config.json is
 * @throws CoxswainError "model" for a family that is not supported, listing those that are
 */
export function familyOf(config: Readonly<Record<string, unknown>>, folder: string): FamilyName {
  const type = config["model_type"];
  const name = familyNames.find((family) => family === type);
  if (name !== undefined) return name;
  const found =
    type === undefined || type === null ? "has no model_type" : `model family ${JSON.stringify(type)} is not supported`;
  const more =
    type === "gemma3" ? " Gemma 3 models must be text-only (gemma3_text), such as the 270M and 1B models." : "";
  throw new CoxswainError("model", `${join(folder, "config.json")}: ${found}`, {
    hint: `Supported families: ${familyNames.join(", ")}.${more}`,
  });
}

/** The description of a folder after its tensors were checked. */
export interface DescribedFolder {
  /** With transformers' names of the tensors. */
  readonly model: ModelFolder;
  readonly spec: DecoderSpec;
  /** config.json (or its family's default) ties the head to the embedding, but the files have a different head. */
  readonly untied: boolean;
}

/**
 * The folder with its model's description; checks that all weights exist with the right shapes.
 * @throws CoxswainError "model" that names the invalid key, tensor or feature
 */
export function describeFolder(folder: ModelFolder): DescribedFolder {
  const named = withTransformersNames(folder);
  checkLayers(named);
  const described = withHeadOf(named, families[familyOf(named.config, named.path)](ConfigReader.of(named)));
  checkWeights(described.model, described.spec);
  return described;
}

/**
 * Every layer has tensors of its own: nothing is allocated for more layers than that.
 * @throws CoxswainError "model"
 */
function checkLayers({ config, path, tensors }: ModelFolder): void {
  for (const key of ["num_hidden_layers", "n_layer"]) {
    const layers = config[key];
    if (typeof layers !== "number" || layers <= tensors.size) continue;
    throw new CoxswainError(
      "model",
      `${join(path, "config.json")}: "${key}" is ${layers}, but the weights have only ${tensors.size} tensors`,
      { hint: "config.json and the weights belong to different models." },
    );
  }
}

/**
 * If config.json ties head and embedding, the files may contain either or both, as in transformers: a head with
 * different values is used as the head; a head without an embedding is used as both.
 */
function withHeadOf(model: ModelFolder, spec: DecoderSpec): DescribedFolder {
  if (!spec.tiedEmbeddings) return { model, spec, untied: false };
  if (model.ownHead === true) return { model, spec: { ...spec, tiedEmbeddings: false }, untied: true };
  const head = model.tensors.get(headName);
  const embedding = embeddingWeight(spec);
  if (head === undefined || model.tensors.has(embedding)) return { model, spec, untied: false };
  return { model: { ...model, tensors: new Map(model.tensors).set(embedding, head) }, spec, untied: false };
}

/** As `describeFolder`, but only the description. */
export const describeModel = (folder: ModelFolder): DecoderSpec => describeFolder(folder).spec;

/** The maximum number of positions of a model, and the reason; null if there is no such limit. */
export const positionLimit = (model: ModelFolder): PositionLimit | null => describeModel(model).positionLimit;

/** All linear layers except the head, in the model's order: PEFT's "all-linear". */
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
