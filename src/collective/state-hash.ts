/**
 * A fingerprint of a replica, by which the coordinator sees that a worker's is not what it should be. CRC-32 is fast and
 * finds every accident worth the name; it is no defence against anyone who wants two states to look alike.
 */
import { crc32 } from "node:zlib";
import type { StepNumber } from "../ids.js";
import { bytesOf } from "./floats.js";

export interface HashedState {
  /** The last step that was applied. */
  readonly step: StepNumber;
  /** LoRA parameters, and AdamW's first and second moments: the flat vectors. */
  readonly parameters: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/**
 * 24 hex digits: the CRC-32 of each vector's bytes, each begun from that of the step and the lengths. Equal states have
 * equal hashes; 0 and -0 are different bits, so are two NaNs.
 */
export function stateHash({ step, parameters, m, v }: HashedState): string {
  const vectors = [parameters, m, v];
  const head = Float64Array.of(step, ...vectors.map(({ length }) => length));
  const begin = crc32(new Uint8Array(head.buffer));
  return vectors.map((vector) => crc32(bytesOf(vector), begin).toString(16).padStart(8, "0")).join("");
}
