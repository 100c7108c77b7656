/**
 * Checks an adapter's tensors against its adapter_config.json: PEFT adapts only the modules that the file names, so any
 * other tensor would have an effect here but not there. Pure: does not access files.
 */
import { CoxswainError } from "../errors.js";
import type { AdapterSettings } from "./adapter-config.js";
import type { JsonObject } from "./files.js";

type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** Kinds of tensors that are not LoRA pairs of linear layers, and what they are, for messages. */
const otherKinds: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\.(lm_head|embed_out)\.(lora_[AB]\.|base_layer\.)/, "is an adapter on the output head"],
  [/\.lora_embedding_[AB]$|\.(embed_tokens|wte|wpe)\.base_layer\./, "is an adapter on the embeddings"],
  [/\.lora_magnitude_vector/, "belongs to DoRA"],
  [/\.lora_[AB]\.bias$/, "is a bias of a LoRA layer"],
];

const pair = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/;

/**
 * @param path the adapter's folder
 * @throws CoxswainError "model" naming the first tensor that is of a kind that is not supported yet, of another rank
 *   than `r`, or of a module that adapter_config.json does not name
 */
export function checkAdapterTensors(
  path: string,
  config: JsonObject,
  settings: AdapterSettings,
  tensors: Shapes,
): void {
  for (const [name, { shape }] of tensors) {
    const kind = otherKinds.find(([pattern]) => pattern.test(name));
    if (kind !== undefined) {
      throw new CoxswainError("model", `the adapter ${path} has ${name}, which ${kind[1]}: not supported yet`, {
        hint: "Train or save the adapter without it: LoRA on the linear layers of attention and MLP is supported.",
      });
    }
    const [, module, part] = pair.exec(name) ?? [];
    if (module === undefined) continue;
    const rank = shape[part === "A" ? 0 : 1];
    if (shape.length === 2 && rank !== settings.r) {
      throw new CoxswainError(
        "model",
        `the adapter ${path} has ${name} as [${shape.join(", ")}], of rank ${String(rank)}, but adapter_config.json has r ${settings.r}`,
        { hint: "The two files belong to different adapters: fetch or save the adapter again." },
      );
    }
    if (isAdapted(config, module)) continue;
    throw new CoxswainError(
      "model",
      `the adapter ${path} has ${name}, but adapter_config.json does not adapt ${module}: PEFT would ignore it`,
      { hint: "Correct target_modules (and exclude_modules, layers_to_transform), or save the adapter again." },
    );
  }
}

/** PEFT's `check_target_module_exists`. */
function isAdapted(config: JsonObject, module: string): boolean {
  const { target_modules: targets, exclude_modules: excluded, layers_to_transform: layers } = config;
  if (matches(excluded, module) === true) return false;
  if (matches(targets, module) === false) return false;
  // A list of names is combined with the layer numbers; a pattern is complete.
  if (!Array.isArray(targets) || layers === undefined || layers === null) return true;
  const layer = /.*\.[^.]*\.(\d+)\./.exec(module)?.[1];
  const wanted: unknown[] = Array.isArray(layers) ? layers : [layers];
  return layer === undefined || wanted.length === 0 || wanted.includes(Number(layer));
}

/** Undefined if the field cannot be evaluated here. */
function matches(names: unknown, module: string): boolean | undefined {
  if (Array.isArray(names)) {
    return names.some((name) => typeof name === "string" && (module === name || module.endsWith(`.${name}`)));
  }
  if (typeof names !== "string" || names.toLowerCase() === "all-linear") return undefined;
  try {
    return new RegExp(`^(?:${names})$`).test(module);
  } catch {
    // A Python pattern that JavaScript does not support.
    return undefined;
  }
}
