import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { CoxswainError } from "../../../src/errors.js";
import type { Device } from "../../../src/compute/engine.js";
import { onnxEngine } from "../../../src/compute/onnx/engine.js";
import { collate } from "../../../src/data/row.js";
import { options } from "../../support/compute/engine.js";
import { openGolden } from "../../support/compute/golden.js";
import { chooseDevice, resolveCompute, usableProviders } from "../../../src/compute/device.js";

const settings = {
  engine: "auto",
  device: "auto",
  dtype: "auto",
  threads: 3,
  gradientCheckpointing: true,
  quantization: null,
} as const;
const without = { cuda: false, webgpu: "no GPU is to be seen" };
const onCpu = "no CUDA provider is installed; WebGPU: no GPU is to be seen";

describe("engine, device and dtype are resolved as requested", () => {
  it("auto selects CUDA, otherwise WebGPU, otherwise the CPU, with reasons", () => {
    const cuda = { device: "cuda", reason: "the CUDA provider is installed" };
    expect(chooseDevice("auto", { cuda: true, webgpu: null })).toEqual(cuda);
    expect(chooseDevice("auto", { cuda: false, webgpu: null })).toEqual({
      device: "webgpu",
      reason: "no CUDA provider is installed; WebGPU has a GPU",
    });
    expect(chooseDevice("auto", without)).toEqual({ device: "cpu", reason: onCpu });
    const lacking = { cuda: true, missing: ["libcudart.so.13", "libcudnn.so.9"], webgpu: "no GPU is to be seen" };
    expect(chooseDevice("auto", lacking)).toEqual({
      device: "cpu",
      reason: "the CUDA provider lacks libcudart.so.13, libcudnn.so.9; WebGPU: no GPU is to be seen",
    });
    expect(chooseDevice("webgpu", without)).toEqual({ device: "webgpu", reason: "asked for" });
  });

  it("every auto is resolved", () => {
    expect(resolveCompute(settings, without)).toEqual({
      engine: "onnx",
      options: { device: "cpu", dtype: "float32", threads: 3, gradientCheckpointing: true, quantization: null },
      reason: onCpu,
    });
  });

  it("WebGPU is probed only if it matters", async () => {
    let asked = 0;
    const absence = (): Promise<string | null> => Promise.resolve(`asked ${++asked}`);
    for (const given of [{ device: "cpu" }, { device: "webgpu" }, { engine: "tfjs" }] as const) {
      await usableProviders({ ...settings, ...given }, absence);
    }
    expect(asked).toBe(0);
    const { cuda, webgpu } = await usableProviders(settings, absence);
    if (!cuda) expect(webgpu).toBe("asked 1");
  });

  it("the tfjs engine computes on the CPU unless CUDA is requested", () => {
    const {
      engine,
      options: chosen,
      reason,
    } = resolveCompute({ ...settings, engine: "tfjs" }, { ...without, cuda: true });
    expect([engine, chosen.device]).toEqual(["tfjs", "cpu"]);
    expect(reason).toContain("only with device: cuda");
    expect(resolveCompute({ ...settings, engine: "tfjs", device: "cuda" }, without).options.device).toBe("cuda");
  });

  it.each([
    ["auto", "cuda", "float32"],
    ["float16", "cuda", "float16"],
    ["bfloat16", "cuda", "bfloat16"],
    ["auto", "webgpu", "float32"],
    ["float16", "webgpu", "float16"],
  ] as const)("dtype %s on %s is %s", (dtype, device, expected) => {
    const { options: chosen } = resolveCompute({ ...settings, dtype, device }, { cuda: true, webgpu: null });
    expect(chosen.dtype).toBe(expected);
  });

  it.each([
    [{ dtype: "float16" }, "compute.dtype: the onnx engine does not support float16 on cpu"],
    [{ dtype: "bfloat16", device: "webgpu" }, "compute.dtype: the onnx engine does not support bfloat16 on webgpu"],
    [{ engine: "tfjs", dtype: "float16" }, "compute.dtype: the tfjs engine does not support float16 on cpu"],
    [{ engine: "tfjs", device: "webgpu" }, "compute.device: the tfjs engine does not support webgpu"],
    [{ device: "cuda" }, "ONNX Runtime's CUDA provider is missing"],
  ] as const)("refuses %j by name", (asked, message) => {
    expect(() => resolveCompute({ ...settings, ...asked }, without)).toThrow(message);
  });

  it.skipIf(process.platform !== "linux" || process.arch !== "x64")(
    "if CUDA is missing, the hint has a working command that fetches it (x64 Linux)",
    () => {
      let hint = "";
      try {
        chooseDevice("cuda", without);
      } catch (error) {
        hint = (error as CoxswainError).hint ?? "";
      }
      const command = /^Fetch it: ONNXRUNTIME_NODE_INSTALL=(\w+) node (\S+install\.js) \(docs\/gpu/.exec(hint);
      const script = readFileSync(command?.[2] ?? "", "utf8");
      expect(script).toContain(`--onnxruntime-node-install=${command?.[1]} `);
      expect(script).toContain('environment variable "ONNXRUNTIME_NODE_INSTALL"');
    },
  );
});

it("refuses a device that the runtime does not have", async () => {
  const golden = await openGolden("llama");
  // No provider of this name is in any build of the runtime.
  const trainable = await onnxEngine().load(golden.model, golden.lora, { ...options, device: "abacus" as Device });
  const gradients = trainable.gradients(collate(golden.rows), new Float32Array(trainable.layout.size));
  await expect(gradients).rejects.toMatchObject({
    code: "config",
    message: "compute.device: this build of ONNX Runtime has no abacus provider",
  });
  await trainable.dispose();
});
