import { describe, expect, it } from "vitest";
import { deviceEnvironment, sessionOptions } from "../../../src/compute/onnx/session-options.js";

const settings = { purpose: "gradients", folder: "models/m", device: "cpu", threads: 3 } as const;
const session = (options: ReturnType<typeof sessionOptions>) => options.extra?.["session"];

describe("a session is configured for its device", () => {
  it("on every device: the graph runs unmodified, and weights are mapped from the model's folder", () => {
    for (const device of ["cpu", "cuda", "webgpu"] as const) {
      const options = sessionOptions({ ...settings, device });
      expect(options).toMatchObject({
        intraOpNumThreads: 3,
        graphOptimizationLevel: "disabled",
        enableMemPattern: false,
      });
      expect(session(options)).toMatchObject({
        model_external_initializers_file_folder_path: "models/m",
        disable_prepacking: "1",
        "intra_op.allow_spinning": "0",
      });
    }
  });

  it("the CPU is the fallback for other devices, and the only provider if requested", () => {
    const providers = (device: "cpu" | "cuda" | "webgpu") => sessionOptions({ ...settings, device }).executionProviders;
    expect(providers("cpu")).toEqual(["cpu"]);
    expect(providers("cuda")).toEqual([{ name: "cuda", deviceId: 0 }, "cpu"]);
    expect(providers("webgpu")).toEqual([{ name: "webgpu", validationMode: "basic" }, "cpu"]);
  });

  it("CUDA: sums in a fixed order, weights outside the arena, no TensorFloat32", () => {
    const fixed = { use_deterministic_compute: "1", use_device_allocator_for_initializers: "1" };
    expect(session(sessionOptions({ ...settings, device: "cuda" }))).toMatchObject(fixed);
    expect(session(sessionOptions(settings))).not.toHaveProperty("use_deterministic_compute");
    expect(deviceEnvironment("cuda")).toEqual({ NVIDIA_TF32_OVERRIDE: "0" });
    expect(deviceEnvironment("cpu")).toEqual({});
    expect(deviceEnvironment("webgpu")).toEqual({});
  });

  it("outputs that are fed back stay on the device, if any are listed", () => {
    const { preferredOutputLocation } = sessionOptions({ ...settings, device: "webgpu", staying: ["present_key_0"] });
    expect(preferredOutputLocation).toEqual({ present_key_0: "gpu-buffer" });
    expect(sessionOptions(settings)).not.toHaveProperty("preferredOutputLocation");
  });
});
