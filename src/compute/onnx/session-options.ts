/**
 * How a session is configured for its device: decisions only, so that what is chosen for a GPU is tested without one.
 *
 * Our graphs are written in the form in which they should run, so the runtime's graph optimiser has nothing to add: it
 * would merge recomputed activations with the kept ones and widen 16-bit weights once and for all, for each graph.
 */
import type { InferenceSession } from "onnxruntime-node";
import type { Device } from "../engine.js";

export interface SessionSettings {
  /** What the session is for, in messages: "gradients", "loss", "generation". */
  readonly purpose: string;
  /** Folder that external data is relative to. */
  readonly folder: string;
  readonly device: Device;
  readonly threads: number;
  /** Outputs that stay in the device's memory and are only ever fed to sessions again. WebGPU alone offers that. */
  readonly staying?: readonly string[];
  /** Prefix of the file that operator timings are written to when the session closes; none is written without. */
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
        // Weights packed for the matrix product would be a second copy in memory, and are no faster at these sizes.
        disable_prepacking: "1",
        // Threads that wait for work by spinning take the cores from other workers of this machine: measured 2 to 4 times
        // slower as soon as anything else runs.
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
      // The first of those that the process may see: CUDA_VISIBLE_DEVICES chooses. The binding takes no other option.
      return [{ name: "cuda", deviceId: 0 }, "cpu"];
    case "webgpu":
      // Validation costs little beside the work and turns a crash of the driver into an error.
      return [{ name: "webgpu", validationMode: "basic" }, "cpu"];
  }
}

const cudaEntries = {
  // Weights take what they need; the arena, which grows by powers of two, is for activations.
  use_device_allocator_for_initializers: "1",
  // Kernels that sum in an order of their own (atomics) are passed over for those that do not.
  use_deterministic_compute: "1",
};

/**
 * The environment that the device's libraries are to find when they are loaded; what the user has set stays. NVIDIA's
 * multiply f32 in TensorFloat32 (10 bits of mantissa) unless told not to, and the runtime's own switch (use_tf32) is not
 * within this binding's reach.
 */
export function deviceEnvironment(device: Device): Readonly<Record<string, string>> {
  return device === "cuda" ? { NVIDIA_TF32_OVERRIDE: "0" } : {};
}
