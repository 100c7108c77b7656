/**
 * The LoRA layout: the adapted modules, and the position of each tensor in the flat f32 vector used by gradients,
 * optimiser and replicas. Order: modules in the model's order, A before B.
 */
import type { WorkerConfig } from "../config/index.js";

/** The run's LoRA settings, resolved ("all-linear" may remain: it is resolved against a model). */
export interface LoraSettings {
  readonly r: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly targetModules: "all-linear" | readonly string[];
  /** Scale by alpha / sqrt(r) instead of alpha / r (Kalajdzievski 2023). */
  readonly useRslora: boolean;
}

/** The run file's section `lora`. */
export const loraSettings = ({ lora }: Pick<WorkerConfig, "lora">): LoraSettings => ({
  r: lora.r,
  alpha: lora.lora_alpha,
  dropout: lora.lora_dropout,
  targetModules: lora.target_modules,
  useRslora: lora.use_rslora,
});

/** A linear layer of the base model that could be adapted. */
export interface LinearModule {
  /** Path in the Hugging Face model, such as "model.layers.0.self_attn.q_proj". */
  readonly path: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** The weight is stored [in, out]. Default: [out, in]. */
  readonly inputsFirst?: true;
}

export interface LoraTensor {
  /** "model.layers.0.self_attn.q_proj" */
  readonly module: string;
  readonly part: "A" | "B";
  /** A: [r, in]; B: [out, r]. */
  readonly shape: readonly [number, number];
  /** First element in the flat vector. */
  readonly offset: number;
}

export interface LoraLayout {
  readonly r: number;
  /** Factor of B A x. */
  readonly scale: number;
  readonly tensors: readonly LoraTensor[];
  /** Elements of the flat vector. */
  readonly size: number;
  /** The adapted weights are stored [in, out]; recorded in adapter_config.json. Default: [out, in]. */
  readonly fanInFanOut?: true;
}

export const loraScale = (settings: LoraSettings): number =>
  settings.useRslora ? settings.alpha / Math.sqrt(settings.r) : settings.alpha / settings.r;

/** The layout of adapters on these modules, in this order. */
export function loraLayout(settings: LoraSettings, modules: readonly LinearModule[]): LoraLayout {
  const tensors: LoraTensor[] = [];
  let offset = 0;
  const add = (module: string, part: "A" | "B", shape: readonly [number, number]): void => {
    tensors.push({ module, part, shape, offset });
    offset += shape[0] * shape[1];
  };
  for (const { path, inFeatures, outFeatures } of modules) {
    add(path, "A", [settings.r, inFeatures]);
    add(path, "B", [outFeatures, settings.r]);
  }
  const layout = { r: settings.r, scale: loraScale(settings), tensors, size: offset };
  return modules.some(({ inputsFirst }) => inputsFirst) ? { ...layout, fanInFanOut: true } : layout;
}
