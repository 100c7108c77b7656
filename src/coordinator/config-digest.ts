/** Which settings decide the bits of the result: a resumed run must have the same ones. */
import { createHash } from "node:crypto";
import type { RunConfig } from "../config/index.js";

/** How many steps there are may change only where the schedule doesn't depend on it, so it counts. */
export function configDigest(config: RunConfig): string {
  const { seed, lora, quantization, compute, data, training } = config;
  const {
    logging_steps: _logging,
    eval_steps: _eval,
    save_steps: _save,
    save_total_limit: _limit,
    ...decisive
  } = training;
  const { engine, dtype } = compute;
  const { shuffle, packing, max_length: maxLength } = data;
  const { init_adapter: _start, ...adapters } = lora;
  const listing = {
    seed,
    lora: adapters,
    quantization,
    engine,
    dtype,
    shuffle,
    packing,
    maxLength,
    training: decisive,
  };
  return createHash("sha256").update(JSON.stringify(listing)).digest("hex");
}
