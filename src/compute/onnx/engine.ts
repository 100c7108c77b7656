/** The `onnx` engine, in the calling thread. */
import { hostLimits } from "../../host/index.js";
import type { ModelFolder, LoraSettings } from "../../model/index.js";
import { describeForEngine } from "../for-engine.js";
import type { Device, Engine, EngineOptions, Trainable } from "../engine.js";
import { weightSource } from "../nf4.js";
import { requireFloat16 } from "./probe.js";
import { residentShare, residentWeights } from "./resident.js";
import { OnnxTrainable } from "./trainable.js";

/** Additional settings for benchmarks and tests. */
export interface OnnxEngineSettings {
  /** Maximum supervised tokens per chunk of the loss; by default the number that fits in 64 MiB of logits. */
  readonly lossChunk?: number;
  /** Maximum bytes of 16-bit weights kept in memory in f32; by default an eighth of the machine's memory. */
  readonly residentBytes?: number;
  /** Prefix of files for operator timings, written when a model is disposed of; none by default. */
  readonly profile?: string;
  /** Coxswain's cache, for quantised models. */
  readonly cacheDir?: string;
}

/** @param settings see `OnnxEngineSettings`; empty by default */
export function onnxEngine(settings: OnnxEngineSettings = {}): Engine {
  return {
    name: "onnx",
    async load(given: ModelFolder, lora: LoraSettings | null, options: EngineOptions): Promise<Trainable> {
      const { device, dtype, quantization } = options;
      if (device === "webgpu" && dtype === "float16") await requireFloat16();
      const { model, whole, spec, layout, dropout } = describeForEngine(given, lora, options);
      const { folder, nf4 } = await weightSource(model, whole, { quantization, cacheDir: settings.cacheDir });
      const residence = {
        limit: settings.residentBytes ?? residentLimit(device),
        matrices: device === "webgpu" && dtype === "float16" ? dtype : "float32",
      } as const;
      const resident = await residentWeights(folder, { whole, used: spec }, residence);
      const { limit } = residence;
      return OnnxTrainable.open({
        ...options,
        ...settings,
        model: folder,
        nf4,
        spec,
        layout,
        resident,
        limit,
        dropout,
      });
    },
  };
}

/** Maximum bytes that 16-bit weights may take in memory once widened. */
function residentLimit(device: Device): number {
  switch (device) {
    case "cpu":
      return hostLimits().memory * residentShare;
    case "cuda":
      // Widening costs a GPU almost nothing, and its memory is scarcer.
      return 0;
    case "webgpu":
      // Not every adapter supports float16, and none supports bfloat16; sessions share their inputs.
      return Infinity;
  }
}
