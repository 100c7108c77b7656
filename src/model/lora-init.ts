/** The adapter that a run starts from: A random, B zero, so that the model starts as the base model. */
import { hashName, PhiloxStream, streams } from "../math/index.js";
import type { LoraLayout } from "./lora.js";

/**
 * PEFT's default initialisation: A by torch's `kaiming_uniform_(a=sqrt(5))`, which is uniform in (-1/sqrt(in),
 * 1/sqrt(in)); B zero. A module's numbers depend on the seed, its name and its shape only, not on which others are
 * adapted.
 * @param seed the run's seed, 0 .. 2^53-1
 * @returns all LoRA tensors, [layout.size]
 */
export function initialParameters(layout: LoraLayout, seed: number): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const { module, part, shape, offset } of layout.tensors) {
    if (part === "B") continue;
    const [rank, inFeatures] = shape;
    const bound = 1 / Math.sqrt(inFeatures);
    const random = new PhiloxStream(seed, streams.loraInit, hashName(module));
    const end = offset + rank * inFeatures;
    for (let i = offset; i < end; i++) flat[i] = (2 * random.uniform() - 1) * bound;
  }
  return flat;
}
