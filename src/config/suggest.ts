/** Suggests the name that the user meant. Knows the names that other trainers use, but not the schema. */
import { nearest, normalise } from "../nearest.js";

/**
 * What other trainers call a setting, and its dotted key here. Edit distance cannot find these.
 * (transformers, TRL, Axolotl, LLaMA-Factory, Unsloth.)
 */
const otherNames: Readonly<Record<string, string>> = {
  adapter_name_or_path: "lora.init_adapter",
  alpha: "lora.lora_alpha",
  base_model: "model",
  batch_size: "training.global_batch_size",
  betas: "training.adam_beta1",
  bf16: "compute.dtype",
  clip_grad: "training.max_grad_norm",
  cutoff_len: "data.max_length",
  dataset: "data.train",
  datasets: "data.train",
  dropout: "lora.lora_dropout",
  epochs: "training.num_train_epochs",
  eps: "training.adam_epsilon",
  eval_dataset: "data.eval",
  fp16: "compute.dtype",
  gradient_accumulation_steps: "training.global_batch_size",
  gradient_clipping: "training.max_grad_norm",
  load_in_4bit: "quantization",
  lora_r: "lora.r",
  lora_rank: "lora.r",
  lora_target: "lora.target_modules",
  lr: "training.learning_rate",
  max_seq_len: "data.max_length",
  max_seq_length: "data.max_length",
  metrics: "telemetry.http",
  model_id: "model",
  model_name: "model",
  model_name_or_path: "model",
  num_epochs: "training.num_train_epochs",
  num_workers: "workers",
  output: "output_dir",
  per_device_train_batch_size: "training.micro_batch_size",
  port: "cluster.listen",
  precision: "compute.dtype",
  rank: "lora.r",
  scheduler: "training.lr_scheduler_type",
  sequence_len: "data.max_length",
  sequence_length: "data.max_length",
  steps: "training.max_steps",
  train_batch_size: "training.global_batch_size",
  train_dataset: "data.train",
  train_file: "data.train",
  validation: "data.eval",
  validation_file: "data.eval",
  warmup: "training.warmup_ratio",
};

/** What other trainers call a choice. */
const otherChoices: Readonly<Record<string, string>> = {
  bf16: "bfloat16",
  fp16: "float16",
  fp32: "float32",
  gpu: "cuda",
  half: "float16",
  ring: "mesh",
  wsd: "warmup_stable_decay",
};

/** The choice that `word` probably means, or undefined. */
export function suggestChoice(word: string, choices: readonly string[]): string | undefined {
  const other = Object.hasOwn(otherChoices, normalise(word)) ? otherChoices[normalise(word)] : undefined;
  return other !== undefined && choices.includes(other) ? other : nearest(word, choices);
}

/**
 * The dotted key that `name` in `section` probably means.
 * @param section dotted path of the unknown key's section, "" at top level
 * @param keys every dotted key of the schema
 * @returns a dotted key, or undefined; keys of the same section are preferred to keys elsewhere
 */
export function suggestKey(section: string, name: string, keys: readonly string[]): string | undefined {
  const here = keys.filter((key) => parentOf(key) === section);
  const sibling = nearest(name, here.map(lastOf));
  if (sibling !== undefined) return section === "" ? sibling : `${section}.${sibling}`;
  const alias = Object.hasOwn(otherNames, normalise(name)) ? otherNames[normalise(name)] : undefined;
  if (alias !== undefined) return alias;
  const elsewhere = nearest(name, keys.map(lastOf));
  return elsewhere === undefined ? undefined : keys.find((key) => lastOf(key) === elsewhere);
}

const parentOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf(".")));
const lastOf = (key: string): string => key.slice(key.lastIndexOf(".") + 1);
