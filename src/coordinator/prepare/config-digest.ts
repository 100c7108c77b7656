/** Which settings decide the bits of the result: a resumed run must have the same ones. */
import { createHash } from "node:crypto";
import type { RunConfig } from "../../config/index.js";

/** Of `lora`: where the parameters came from does not matter any more, they are in the checkpoint. */
const passedOverOfLora = ["init_adapter"];
/** How many steps there are may change only where the schedule doesn't depend on it, so it counts. */
const passedOverOfTraining = ["logging_steps", "eval_steps", "save_steps", "save_total_limit"];

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
    training: omit(training, passedOverOfTraining),
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
