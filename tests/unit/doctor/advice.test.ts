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
  method(null, false, [1, 4, 100], [4, 8, 130]),
  method("nf4", false, [1, 2, 90], [4, 6, 120]),
  method(null, true, [1, 3, 80], [4, 5, 100]),
  method("nf4", true, [1, 1, 70], [4, 3, 90]),
];

const chosen = (gigabytes: number): readonly unknown[] => {
  const { choice, why } = advise(methods, gigabytes * 1e9);
  return [choice?.method.quantization, choice?.method.gradientCheckpointing, choice?.rows, why];
};

describe("LoRA or QLoRA", () => {
  it("LoRA where there is memory for it", () => {
    expect(chosen(10)).toEqual([null, false, 4, "it fits, is the fastest, and starts from the model as it is"]);
  });

  it("QLoRA where that is faster than what of LoRA fits", () => {
    expect(chosen(7.5)).toEqual(["nf4", false, 4, "it is the fastest that fits"]);
  });

  it("the plainer one where both are about as fast", () => {
    expect(chosen(6)).toEqual([null, false, 1, "it fits, is the fastest, and starts from the model as it is"]);
  });

  it("QLoRA where LoRA does not fit at all, or nothing", () => {
    expect(chosen(2.4)).toEqual(["nf4", false, 1, "LoRA does not fit into the memory that is free"]);
    expect(chosen(1)).toEqual([undefined, undefined, undefined, "none of these fits into the memory that is free"]);
  });

  it("leaves some memory to others", () => {
    expect(chosen(8.1)[2]).toBe(4);
    expect(chosen(8.1)[0]).toBe("nf4");
  });
});
