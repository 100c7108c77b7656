/** Engines that compute losses, LoRA gradients and logits, and the model families that they know. */
import { missingCudaLibraries, whatBrings } from "./cuda-libraries.js";
import {
  chooseDevice,
  cudaProvider,
  resolveCompute,
  usableProviders,
  type ComputeSettings,
  type DeviceChoice,
} from "./device.js";
import type { ModelFolder } from "../model/index.js";
import type { ComputeBackend, Device, Engine, EngineOptions, Quantization } from "./engine.js";
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
  Quantization,
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
export { askDriver, chooseGpus, visibleGpus, visibleVariable } from "./gpus.js";
export {
  describeModel,
  familyNames,
  familyOf,
  linearModules,
  positionLimit,
  resolveTargets,
} from "./families/index.js";
export type { DecoderSpec, FamilyName } from "./families/index.js";
export { modelFacts, type ModelFacts } from "./families/facts.js";
export { knownComputations, type KnownComputation } from "./known.js";
export { weightNotes } from "./families/weight-notes.js";

// Graph building is loaded lazily, in its own thread, so that a worker starts quickly.
const webgpuAbsence = async (): Promise<string | null> => (await import("./onnx/probe.js")).webgpuAbsence();

/** The CUDA provider: its path, its missing dependencies, and how to install them; undefined if it is not installed. */
export function cudaState():
  { readonly provider: string; readonly missing: readonly string[]; readonly hint: string } | undefined {
  const provider = cudaProvider();
  if (provider === undefined) return undefined;
  const missing = missingCudaLibraries(provider);
  return { provider, missing, hint: whatBrings(missing, provider) };
}

/** @throws CoxswainError "config" if the runtime's native library does not load */
export const runtimeVersion = async (): Promise<string> => (await import("./onnx/session.js")).runtimeVersion();

/** The device that the onnx engine would use on this machine, and why preferred ones are not available. */
export async function onnxDevice(): Promise<DeviceChoice> {
  return chooseDevice("auto", await usableProviders({ engine: "onnx", device: "auto" }, webgpuAbsence));
}

/**
 * The backend that the tfjs engine would use on this machine's CPU, and why.
 * @throws CoxswainError "config" if none loads
 */
export async function tfjsBackend(): Promise<ComputeBackend> {
  const { backendNames, loadBackend } = await import("./tfjs/backends.js");
  return (await loadBackend({ order: backendNames, device: "cpu", threads: 1 })).report;
}

/** See `quantizeOnce` of `nf4.ts`. */
export const quantizeModel = async (
  model: ModelFolder,
  quantization: Quantization,
  onProgress?: (done: number, total: number) => void,
): Promise<void> => (await import("./nf4.js")).quantizeOnce(model, { quantization, onProgress });

export interface OpenedEngine {
  /** Computes in a separate thread. */
  readonly engine: Engine;
  readonly device: Device;
  /** Why this device was chosen: "asked for", "no CUDA provider is installed". */
  readonly reason: string;
  /** For `engine.load`, with every "auto" resolved. */
  readonly options: EngineOptions;
}

/**
 * Resolves "auto" and returns the engine. `engine.load` loads native code, in a separate thread.
 * @throws CoxswainError "config" for an unavailable engine, device or dtype
 */
export async function openEngine(settings: ComputeSettings): Promise<OpenedEngine> {
  const { engine, options, reason } = resolveCompute(settings, await usableProviders(settings, webgpuAbsence));
  return { engine: threadedEngine(engine), device: options.device, reason, options };
}
