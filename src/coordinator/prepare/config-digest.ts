/** The settings that determine the bits of the result: they must be equal in a resumed run. */
import { createHash } from "node:crypto";
import type { RunConfig } from "../../config/index.js";

/** Keys of `lora` to ignore: the origin of the parameters no longer matters, since they are in the checkpoint. */
const passedOverOfLora = ["init_adapter"];
/** The number of steps counts, since most schedules depend on it. */
const passedOverOfTraining = [
  "logging_steps",
  "eval_steps",
  "save_steps",
  "save_total_limit",
  "load_best_model_at_end",
  "early_stopping_patience",
  "predict_with_generate",
  "sample_prompts",
];
/** Absent if no metric is compared, as in the digests of earlier releases. */
const keysOfBest = ["metric_for_best_model", "early_stopping_threshold"];

const decidingOfTraining = (training: RunConfig["training"]): object =>
  omit(training, [...passedOverOfTraining, ...(training.metric_for_best_model === null ? keysOfBest : [])]);

export function configDigest(config: RunConfig): string {
  const { seed, lora, quantization, compute, data, training, cluster } = config;
  const { engine, dtype, threads } = compute;
  const { shuffle, packing, max_length: maxLength } = data;
  const listing = {
    seed,
    quantization,
    engine,
    dtype,
    threads,
    shuffle,
    packing,
    maxLength,
    allReduceDtype: cluster.all_reduce_dtype,
    lora: omit(lora, passedOverOfLora),
    training: decidingOfTraining(training),
  };
  return createHash("sha256").update(JSON.stringify(listing)).digest("hex");
}

/** The same settings by their dotted keys. */
export function decidingSettings(config: RunConfig): Readonly<Record<string, unknown>> {
  const { seed, lora, quantization, compute, data, training, cluster } = config;
  return {
    seed,
    quantization,
    "compute.engine": compute.engine,
    "compute.dtype": compute.dtype,
    "compute.threads": compute.threads,
    "data.shuffle": data.shuffle,
    "data.packing": data.packing,
    "data.max_length": data.max_length,
    "cluster.all_reduce_dtype": cluster.all_reduce_dtype,
    ...under("lora", omit(lora, passedOverOfLora)),
    ...under("training", omit(training, passedOverOfTraining)),
  };
}

const omit = (settings: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name)));

const under = (section: string, settings: object): object =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [`${section}.${name}`, value as unknown]));
