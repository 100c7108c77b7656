/**
 * LoRA dropout as a function of keys: the mask of a module in a shard of a step depends on (seed, step, shard, module)
 * and the element's place alone, so every worker and engine drops the same elements.
 *
 * Counter of the generator: (block, step, hash of the module's path, stream + 256 * shard), key: the seed. A block of four
 * words decides eight elements, 16 bits each: the probability is rounded to a multiple of 1 / 65536.
 */
import { bernoulliMask, hashName, streams } from "../math/index.js";
import type { DropoutKey } from "./engine.js";

/**
 * Which elements of a module's input are kept.
 * @param probability of dropping an element, 0 .. 1
 * @param size elements of the input, [rows * length, inFeatures] row-major
 * @returns 1 for an element that is kept, 0 for one that is dropped, [size]
 */
export function dropoutMask(key: DropoutKey, module: string, probability: number, size: number): Uint8Array {
  const mask = new Uint8Array(size);
  const counter = [key.step, hashName(module), streams.dropout + key.shard * 256] as const;
  const seed = [key.seed >>> 0, Math.floor(key.seed / 2 ** 32) >>> 0] as const;
  bernoulliMask(counter, seed, Math.round(probability * 0x10000), mask);
  return mask;
}
