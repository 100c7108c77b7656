/**
 * Differences of GPT-2's weight files from those of other families: linear layers are transformers' Conv1D, stored
 * [in, out], and the original files omit the prefix "transformer." of modules' paths.
 */
import type { ModelFolder, TensorLocation } from "./folder.js";

const prefix = "transformer.";

const isGpt2 = ({ config }: Pick<ModelFolder, "config">): boolean => config["model_type"] === "gpt2";

/** Whether the model's linear layers are stored [in, out], which PEFT calls fan_in_fan_out. */
export const storesInputsFirst = isGpt2;

/** The name in the model's files of the tensor that transformers calls `name`; undefined if there is none. */
export function storedName(model: ModelFolder, name: string): string | undefined {
  if (model.tensors.has(name)) return name;
  const short = name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
  return isGpt2(model) && short !== undefined && model.tensors.has(short) ? short : undefined;
}

/** The same folder with transformers' names of the tensors. */
export function withTransformersNames(model: ModelFolder): ModelFolder {
  if (!isGpt2(model)) return model;
  const named = [...model.tensors].map(([name, location]): [string, TensorLocation] => [
    name.startsWith(prefix) || name.startsWith("lm_head.") ? name : prefix + name,
    location,
  ]);
  return { ...model, tensors: new Map(named) };
}
