/** The `tfjs` engine, in the calling thread. TensorFlow.js itself is loaded when a model is. */
import { CoxswainError } from "../../errors.js";
import { loraLayout, type LoraLayout } from "../../model/lora.js";
import type { Engine, EngineOptions } from "../engine.js";
import { describeModel, projections, resolveTargets, shortened } from "../families/index.js";
import type { BackendName } from "./backends.js";

/** What benchmarks and tests may set besides. */
export interface TfjsEngineSettings {
  /** Backends to try, first to last; by default all. */
  readonly backends?: readonly BackendName[];
  /** Most supervised tokens a chunk of the loss; by default what 64 MiB of logits allow. */
  readonly lossChunk?: number;
}

/** @param settings see `TfjsEngineSettings`; nothing by default */
export function tfjsEngine(settings: TfjsEngineSettings = {}): Engine {
  return {
    name: "tfjs",
    async load(model, lora, options) {
      refuseUnsupported(options);
      const spec = shortened(describeModel(model), options.layers);
      const layout = lora === null ? emptyLayout : loraLayout(lora, resolveTargets(lora, projections(spec)));
      const { backendNames, loadBackend } = await import("./backends.js");
      const { TfjsTrainable } = await import("./trainable.js");
      const { Weights } = await import("./weights.js");
      const { device, threads, gradientCheckpointing } = options;
      const backend = await loadBackend({ order: settings.backends ?? backendNames, device, threads });
      const weights = await Weights.load(model, spec);
      const { lossChunk } = settings;
      return new TfjsTrainable({
        backend,
        spec,
        layout,
        weights,
        dropout: lora?.dropout ?? 0,
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

const emptyLayout: LoraLayout = { r: 1, scale: 1, tensors: [], size: 0 };
