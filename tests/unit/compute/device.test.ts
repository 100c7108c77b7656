import { describe, expect, it } from "vitest";
import { chooseDevice, resolveCompute } from "../../../src/compute/device.js";

const settings = { engine: "auto", device: "auto", dtype: "auto", threads: 3, gradientCheckpointing: true } as const;
const without = { cuda: false };

describe("what computes is not what was asked for", () => {
  it("auto picks CUDA where it is installed, else the CPU, and says why", () => {
    expect(chooseDevice("auto", { cuda: true })).toEqual({ device: "cuda", reason: "the CUDA provider is installed" });
    expect(chooseDevice("auto", without)).toEqual({ device: "cpu", reason: "no CUDA provider is installed" });
    expect(chooseDevice("webgpu", without)).toEqual({ device: "webgpu", reason: "asked for" });
  });

  it("every auto is resolved", () => {
    expect(resolveCompute(settings, without)).toEqual({
      engine: "onnx",
      options: { device: "cpu", dtype: "float32", threads: 3, gradientCheckpointing: true },
      reason: "no CUDA provider is installed",
    });
  });

  it.each([
    [{ engine: "tfjs" }, "compute.engine: the tfjs engine is not there yet"],
    [{ dtype: "bfloat16" }, "compute.dtype: bfloat16 is not there yet"],
    [{ device: "cuda" }, "ONNX Runtime's CUDA provider is missing"],
  ] as const)("%j is refused by name", (asked, message) => {
    expect(() => resolveCompute({ ...settings, ...asked }, without)).toThrow(message);
  });
});
