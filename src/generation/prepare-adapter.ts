/** An adapter's tensors in the order of the model's modules. Loads no weights of the model. */
import { linearModules, resolveTargets } from "../compute/index.js";
import { CoxswainError } from "../errors.js";
import { flattenAdapter, loraLayout, readAdapter } from "../model/index.js";
import type { LoraLayout, LoraSettings, ModelFolder, Quantization } from "../model/index.js";

export interface PreparedAdapter {
  /** Of the base model, when the adapter was trained. */
  readonly quantization: Quantization | null;
  readonly settings: LoraSettings;
  readonly layout: LoraLayout;
  /** All LoRA tensors, [layout.size]. */
  readonly parameters: Float32Array;
}

/**
 * Reads an adapter and checks that it fits the model.
 * @throws CoxswainError "model" for an adapter that is missing, damaged, not supported, or of another model
 */
export async function prepareAdapter(path: string, folder: ModelFolder): Promise<PreparedAdapter> {
  const adapter = await readAdapter(path);
  const { settings, quantization } = adapter;
  const modules = linearModules(folder);
  const known = new Set(modules.map((module) => module.path));
  const targets = settings.targetModules === "all-linear" ? [] : settings.targetModules;
  const strangers = targets.filter((target) => !known.has(target));
  if (strangers.length > 0) {
    throw new CoxswainError(
      "model",
      `the adapter ${path} adapts ${String(strangers[0])}, which the model ${folder.path} does not have` +
        (strangers.length > 1 ? ` (nor ${strangers.length - 1} others)` : ""),
      { hint: "It was trained for another model: see base_model_name_or_path in adapter_config.json." },
    );
  }
  const layout = loraLayout(settings, resolveTargets(settings, modules));
  return { settings, quantization, layout, parameters: flattenAdapter(adapter, layout) };
}
