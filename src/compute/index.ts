/** Engines that compute losses, LoRA gradients and logits, and the model families that they know. */
import { resolveCompute, usableProviders, type ComputeSettings } from "./device.js";
import type { Device, Engine, EngineOptions } from "./engine.js";
import { webgpuAbsence } from "./onnx/probe.js";
import { threadedEngine } from "./thread/engine.js";

export type {
  ComputeBackend,
  ComputeType,
  Decoder,
  Device,
  DropoutKey,
  Engine,
  EngineName,
  EngineOptions,
  LossSum,
  Trainable,
} from "./engine.js";
export {
  chooseDevice,
  picksCuda,
  usableProviders,
  type ComputeSettings,
  type DeviceChoice,
  type Providers,
} from "./device.js";
export { chooseGpus, visibleGpus, visibleVariable } from "./gpus.js";
export { familyNames, familyOf, linearModules, resolveTargets } from "./families/index.js";

export interface OpenedEngine {
  /** Computes in a thread of its own. */
  readonly engine: Engine;
  readonly device: Device;
  /** Why this device: "asked for", "no CUDA provider is installed". */
  readonly reason: string;
  /** For `engine.load`, with every "auto" resolved. */
  readonly options: EngineOptions;
}

/**
 * Resolves "auto" and gives the engine. The models' native code is loaded in `engine.load`, in a thread of its own.
 * @throws CoxswainError "config" for an engine, device or dtype that is not there
 */
export async function openEngine(settings: ComputeSettings): Promise<OpenedEngine> {
  const { engine, options, reason } = resolveCompute(settings, await usableProviders(settings, webgpuAbsence));
  return { engine: threadedEngine(engine), device: options.device, reason, options };
}
