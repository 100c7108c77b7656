/** The `tfjs` engine, in the calling thread. TensorFlow.js itself is loaded when a model is. */
import { CoxswainError } from "../../errors.js";
import type { Engine, EngineOptions } from "../engine.js";
import { describeForEngine } from "../for-engine.js";
import { weightSource } from "../nf4.js";
import type { BackendName } from "./backends.js";

/** Additional settings for benchmarks and tests. */
export interface TfjsEngineSettings {
  /** Backends to try, first to last; by default all. */
  readonly backends?: readonly BackendName[];
  /** Maximum supervised tokens per chunk of the loss; by default the number that fits in 64 MiB of logits. */
  readonly lossChunk?: number;
  /** Coxswain's cache, for quantised models. */
  readonly cacheDir?: string;
}

/** @param settings see `TfjsEngineSettings`; empty by default */
export function tfjsEngine(settings: TfjsEngineSettings = {}): Engine {
  return {
    name: "tfjs",
    async load(folder, lora, options) {
      refuseUnsupported(options);
      const { model, whole, spec, layout, dropout } = describeForEngine(folder, lora, options);
      const { backendNames, loadBackend } = await import("./backends.js");
      const { TfjsTrainable } = await import("./trainable.js");
      const { Weights } = await import("./weights.js");
      const { device, threads, gradientCheckpointing, quantization } = options;
      const backend = await loadBackend({ order: settings.backends ?? backendNames, device, threads });
      const { lossChunk, cacheDir } = settings;
      const source = await weightSource(model, whole, { quantization, cacheDir });
      const weights = await Weights.load(source, spec);
      return new TfjsTrainable({
        backend,
        spec,
        layout,
        weights,
        dropout,
        gradientCheckpointing,
        ...(lossChunk === undefined ? {} : { lossChunk }),
      });
    },
  };
}

function refuseUnsupported({ dtype, device }: EngineOptions): void {
  if (dtype !== "float32") {
    throw new CoxswainError("model", `compute.dtype ${dtype} is not supported by the tfjs engine`, {
      hint: "Use dtype: float32. 16-bit weights are widened when the model is opened.",
    });
  }
  if (device === "webgpu") {
    throw new CoxswainError("config", "compute.device webgpu is not supported by the tfjs engine", {
      hint: "Use device: cpu, or engine: onnx.",
    });
  }
}
