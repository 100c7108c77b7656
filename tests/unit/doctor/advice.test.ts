import { describe, expect, it } from "vitest";
import { advise } from "../../../src/doctor/index.js";
import type { MethodNeeds } from "../../../src/doctor/index.js";

const method = (
  quantization: "nf4" | null,
  gradientCheckpointing: boolean,
  ...needs: readonly (readonly [rows: number, gigabytes: number, tokensPerSecond: number])[]
): MethodNeeds => ({
  quantization,
  gradientCheckpointing,
  needs: needs.map(([rows, gigabytes, tokensPerSecond]) => ({
    rows,
    peakBytes: gigabytes * 1e9,
    seconds: 1,
    tokensPerSecond,
  })),
});

const methods = [
  method(null, false, [1, 4, 90], [4, 8, 130]),
  method("nf4", false, [1, 2, 90], [4, 6, 120]),
  method(null, true, [1, 3, 80], [4, 5, 100]),
  method("nf4", true, [1, 1, 70], [4, 3, 90]),
];

const chosen = (gigabytes: number): readonly unknown[] => {
  const { choice, why } = advise(methods, gigabytes * 1e9);
  return [choice?.method.quantization, choice?.method.gradientCheckpointing, choice?.rows, why];
};

describe("LoRA or QLoRA", () => {
  const plain = "it fits, is about as fast as the others, and needs no change to the model";

  it("recommends LoRA if memory suffices, with the fastest number of rows", () => {
    expect(chosen(10)).toEqual([null, false, 4, plain]);
  });

  it("recommends QLoRA if it is much faster than the LoRA settings that fit", () => {
    expect(chosen(7.5)).toEqual(["nf4", false, 4, "it fits with more rows, and is much faster"]);
  });

  it("recommends the simpler one if both are about as fast", () => {
    expect(chosen(6)).toEqual([null, false, 1, plain]);
  });

  it("recommends QLoRA if LoRA does not fit, or nothing", () => {
    expect(chosen(2.4)).toEqual(["nf4", false, 1, "LoRA does not fit into free memory"]);
    expect(chosen(1)).toEqual([undefined, undefined, undefined, "none of these fits into free memory"]);
  });

  it("leaves some memory free", () => {
    expect(chosen(8.1).slice(0, 3)).toEqual(["nf4", false, 4]);
  });

  it("recommends no more rows than help", () => {
    const flat = [method(null, false, [1, 1, 96], [2, 2, 99], [4, 3, 100])];
    expect(advise(flat, 10e9).choice?.rows).toBe(1);
  });
});
