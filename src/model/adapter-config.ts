/** Writes and parses PEFT's `adapter_config.json`. Pure: does not access files. */
import { CoxswainError } from "../errors.js";
import type { JsonObject } from "./files.js";
import type { LoraLayout, LoraSettings } from "./lora.js";

/** The settings of an adapter that affect its computation. */
export type AdapterSettings = Pick<LoraSettings, "r" | "alpha" | "dropout" | "useRslora">;

/** Every field that PEFT 0.21 writes for LoRA, with the value that stands for "not used". */
const peftDefaults: JsonObject = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  bias: "none",
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_bias: false,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: "megatron.core",
  modules_to_save: null,
  monteclora_config: null,
  peft_type: "LORA",
  peft_version: "0.21.2",
  qalora_group_size: 16,
  rank_pattern: {},
  revision: null,
  target_parameters: null,
  task_type: "CAUSAL_LM",
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  velora_config: null,
};

/**
 * Fields that change an adapter's computation beyond A, B and one scale. (`fan_in_fan_out` does not: PEFT sets it
 * according to the layer.) They must be absent, null, false, empty or the default. (Fields that only affect training or
 * the choice of modules, such as `eva_config` and `exclude_modules`, may be set.)
 */
const computationFields = [
  "alora_invocation_tokens",
  "alpha_pattern",
  "arrow_config",
  "bias",
  "kasa_config",
  "layer_replication",
  "lora_bias",
  "modules_to_save",
  "monteclora_config",
  "rank_pattern",
  "target_parameters",
  "trainable_token_indices",
  "use_bdlora",
  "use_dora",
  "use_qalora",
  "velora_config",
] as const;

/** Initialisations with which PEFT changes the base weights, so that A and B do not apply to the published ones. */
const baseChangingInits = /^(pissa|olora|corda|loftq|lora_ga)/i;

/**
 * The text of `adapter_config.json`, fields sorted as PEFT sorts them.
 * @param baseModel hub id or folder, written as `base_model_name_or_path`
 */
export function adapterConfigText(layout: LoraLayout, settings: LoraSettings, baseModel: string): string {
  const config: Record<string, unknown> = {
    ...peftDefaults,
    base_model_name_or_path: baseModel,
    fan_in_fan_out: layout.fanInFanOut ?? false,
    lora_alpha: settings.alpha,
    lora_dropout: settings.dropout,
    r: settings.r,
    target_modules: targetModules(layout, settings),
    use_rslora: settings.useRslora,
  };
  const sorted = Object.fromEntries(Object.entries(config).sort(([left], [right]) => (left < right ? -1 : 1)));
  return `${JSON.stringify(sorted, undefined, 2)}\n`;
}

/** The names given by the user; for "all-linear" the last parts of the adapted modules' paths, as PEFT resolves it. */
function targetModules(layout: LoraLayout, settings: LoraSettings): readonly string[] {
  if (settings.targetModules !== "all-linear") return settings.targetModules;
  return [...new Set(layout.tensors.map(({ module }) => module.slice(module.lastIndexOf(".") + 1)))];
}

/**
 * Parses `adapter_config.json`.
 * @param path the file's, for messages
 * @throws CoxswainError "model" for another kind of adapter, or an unsupported feature of PEFT, by name
 */
export function parseAdapterConfig(config: JsonObject, path: string): AdapterSettings {
  if (config["peft_type"] !== "LORA")
    throw unsupported(path, "peft_type", config["peft_type"], "Only LORA is supported.");
  for (const field of computationFields) {
    const value = config[field];
    if (!isUnused(value) && JSON.stringify(value) !== JSON.stringify(peftDefaults[field])) {
      throw unsupported(path, field, value, "Train or save the adapter without this feature.");
    }
  }
  const init = config["init_lora_weights"];
  if (typeof init === "string" && baseChangingInits.test(init)) {
    throw unsupported(
      path,
      "init_lora_weights",
      init,
      "Convert it: PEFT's save_pretrained(path_initial_model_for_weight_conversion=…).",
    );
  }
  return {
    r: positive(config, "r", path),
    alpha: positive(config, "lora_alpha", path),
    dropout: typeof config["lora_dropout"] === "number" ? config["lora_dropout"] : 0,
    useRslora: flag(config, "use_rslora", path),
  };
}

function flag(config: JsonObject, field: string, path: string): boolean {
  const value = config[field] ?? false;
  if (typeof value === "boolean") return value;
  throw new CoxswainError("model", `${path}: "${field}" must be true or false, found ${JSON.stringify(value)}`, {
    hint: "Give the folder unchanged, as PEFT or coxswain wrote it.",
  });
}

function isUnused(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function positive(config: JsonObject, field: string, path: string): number {
  const value = config[field];
  if (typeof value === "number" && value > 0 && (field !== "r" || Number.isInteger(value))) return value;
  throw new CoxswainError("model", `${path}: "${field}" must be a positive number, found ${JSON.stringify(value)}`, {
    hint: "Give the folder unchanged, as PEFT or coxswain wrote it.",
  });
}

function unsupported(path: string, field: string, value: unknown, hint: string): CoxswainError {
  return new CoxswainError("model", `${path}: "${field}" is ${JSON.stringify(value)}, which is not supported`, {
    hint,
  });
}
