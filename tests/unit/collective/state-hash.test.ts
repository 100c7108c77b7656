import { describe, expect, it } from "vitest";
import { stateHash, type HashedState } from "../../../src/collective/index.js";
import { stepNumber } from "../../../src/ids.js";
import { gradientLike } from "./reference.js";

const state = (): HashedState => ({
  step: stepNumber(7),
  parameters: gradientLike(1000, 1),
  m: gradientLike(1000, 2),
  v: gradientLike(1000, 3),
});

/** CRC-32 bit by bit, from its polynomial (ISO 3309), begun from an earlier one. */
function bitwiseCrc32(bytes: Uint8Array, begin: number): number {
  let crc = ~begin;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe("the state hash detects a different replica", () => {
  it("by one bit of any number, the step, or swapped vectors", () => {
    const hash = stateHash(state());
    expect(stateHash(state())).toBe(hash);
    const variants: HashedState[] = [
      { ...state(), step: stepNumber(8) },
      { ...state(), m: state().v, v: state().m },
      { ...state(), parameters: new Float32Array([...state().parameters, 0]) },
    ];
    for (const vector of ["parameters", "m", "v"] as const) {
      for (const element of [0, 500, 999]) {
        for (const bit of [0, 15, 31]) {
          const changed = state();
          new Uint32Array(changed[vector].buffer)[element]! ^= 1 << bit;
          variants.push(changed);
        }
      }
    }
    const hashes = new Set(variants.map(stateHash));
    expect(hashes.size).toBe(variants.length);
    expect(hashes.has(hash)).toBe(false);
  });

  it("by the CRC-32 of each vector, seeded with that of the step and lengths", () => {
    const { step, parameters, m, v } = state();
    const begin = bitwiseCrc32(new Uint8Array(Float64Array.of(7, 1000, 1000, 1000).buffer), 0);
    const expected = [parameters, m, v].map((vector) =>
      bitwiseCrc32(new Uint8Array(vector.buffer), begin).toString(16).padStart(8, "0"),
    );
    expect(stateHash({ step, parameters, m, v })).toBe(expected.join(""));
  });

  it("independently of the vectors' alignment", () => {
    const { parameters, m, v, step } = state();
    const all = new Float32Array([1, ...parameters, ...m, ...v, 1]);
    const views = { step, parameters: all.subarray(1, 1001), m: all.subarray(1001, 2001), v: all.subarray(2001, 3001) };
    expect(stateHash(views)).toBe(stateHash(state()));
  });
});
