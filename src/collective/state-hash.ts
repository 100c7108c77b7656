/**
 * A fingerprint of a replica, by which the coordinator detects that a worker's replica differs. CRC-32 is fast and
 * detects accidental damage; it does not protect against deliberately constructed states.
 */
import { crc32 } from "node:zlib";
import type { StepNumber } from "../ids.js";
import { bytesOf } from "./floats.js";

export interface HashedState {
  /** The last applied step. */
  readonly step: StepNumber;
  /** LoRA parameters, and AdamW's first and second moments: the flat vectors. */
  readonly parameters: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/**
 * 24 hex digits: the CRC-32 of each vector's bytes, seeded with that of the step and the lengths. Equal states have
 * equal hashes; 0 and -0 have different bits, and so may two NaNs.
 */
export function stateHash({ step, parameters, m, v }: HashedState): string {
  const vectors = [parameters, m, v];
  const head = Float64Array.of(step, ...vectors.map(({ length }) => length));
  const begin = crc32(new Uint8Array(head.buffer));
  return vectors.map((vector) => crc32(bytesOf(vector), begin).toString(16).padStart(8, "0")).join("");
}
