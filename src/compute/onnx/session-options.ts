/**
 * How a session is configured for its device: decisions only, so that the options for a GPU can be tested without one.
 *
 * Our graphs are already in their final form, so the runtime's graph optimiser is disabled: it
 * would merge recomputed activations with the kept ones, and widen 16-bit weights permanently for each graph.
 */
import type { InferenceSession } from "onnxruntime-node";
import type { Device } from "../engine.js";

export interface SessionSettings {
  /** The purpose of the session, for messages: "gradients", "loss", "generation". */
  readonly purpose: string;
  /** Folder that external data is relative to. */
  readonly folder: string;
  readonly device: Device;
  readonly threads: number;
  /** Outputs that stay in device memory and are only fed to sessions again. Only WebGPU supports this. */
  readonly staying?: readonly string[];
  /** Prefix of the file that operator timings are written to when the session closes; omitted: none is written. */
  readonly profile?: string;
}

export function sessionOptions(settings: SessionSettings): InferenceSession.SessionOptions {
  const { device, threads, folder, staying = [], profile } = settings;
  return {
    executionProviders: providers(device),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "disabled",
    enableMemPattern: false,
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    ...(staying.length === 0
      ? {}
      : { preferredOutputLocation: Object.fromEntries(staying.map((name) => [name, "gpu-buffer"] as const)) }),
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        // Prepacked weights would be a second copy in memory, and are no faster at these sizes.
        disable_prepacking: "1",
        // Spinning threads take CPU time from other workers on this machine: measured 2 to 4 times slower as soon as
        // anything else runs.
        "intra_op.allow_spinning": "0",
        ...(device === "cuda" ? cudaEntries : {}),
      },
    },
  };
}

function providers(device: Device): InferenceSession.ExecutionProviderConfig[] {
  switch (device) {
    case "cpu":
      return ["cpu"];
    case "cuda":
      // The first visible GPU: CUDA_VISIBLE_DEVICES chooses. The binding supports no other option.
      return [{ name: "cuda", deviceId: 0 }, "cpu"];
    case "webgpu":
      // Validation costs little and turns a crash of the driver into an error.
      return [{ name: "webgpu", validationMode: "basic" }, "cpu"];
  }
}

const cudaEntries = {
  // Weights are allocated exactly; the arena, which grows by powers of two, is for activations.
  use_device_allocator_for_initializers: "1",
  // Selects deterministic kernels instead of those that sum in arbitrary order (atomics).
  use_deterministic_compute: "1",
};

/**
 * Environment variables for the device's libraries; values set by the user take precedence. By default, NVIDIA's
 * libraries multiply f32 in TensorFloat32 (10 bits of mantissa), and this binding does not support the runtime's own
 * option (use_tf32).
 */
export function deviceEnvironment(device: Device): Readonly<Record<string, string>> {
  return device === "cuda" ? { NVIDIA_TF32_OVERRIDE: "0" } : {};
}
