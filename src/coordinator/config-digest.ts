/** Which settings decide the bits of the result: a resumed run must have the same ones. */
import { createHash } from "node:crypto";
import type { RunConfig } from "../config/index.js";

/** How many steps there are may change only where the schedule doesn't depend on it, so it counts. */
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
    // Where the parameters came from does not matter any more: they are in the checkpoint.
    lora: omit(lora, ["init_adapter"]),
    training: omit(training, ["logging_steps", "eval_steps", "save_steps", "save_total_limit"]),
  };
  return createHash("sha256").update(JSON.stringify(listing)).digest("hex");
}

function omit(settings: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name)));
}
