/** Resolves the run file's "auto" engine, device and dtype, with reasons. */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CoxswainError } from "../errors.js";
import { missingCudaLibraries } from "./cuda-libraries.js";
import type { ComputeType, Device, EngineName, EngineOptions, Quantization } from "./engine.js";

/** The run file's `compute` section, and the threads of this process. */
export interface ComputeSettings {
  readonly engine: "auto" | EngineName;
  readonly device: "auto" | Device;
  readonly dtype: "auto" | ComputeType;
  /** Threads of one computation on a CPU; results do not depend on it. */
  readonly threads: number;
  readonly gradientCheckpointing: boolean;
  readonly quantization: Quantization | null;
}

export interface DeviceChoice {
  readonly device: Device;
  /** Why it was chosen and preferred ones were not, as a clause: "no CUDA provider is installed; no GPU is visible". */
  readonly reason: string;
}

/** The execution providers that this machine can use. */
export interface Providers {
  /** The CUDA provider is installed. */
  readonly cuda: boolean;
  /** Its dependencies that the system's loader would not find. Default: none. */
  readonly missing?: readonly string[];
  /** Why WebGPU cannot be used, as a clause; null if it can. */
  readonly webgpu: string | null;
}

/** CUDA, otherwise WebGPU, otherwise the CPU. */
export function chooseDevice(asked: "auto" | Device, installed: Providers): DeviceChoice {
  if (asked === "auto") {
    const { cuda, missing = [] } = installed;
    if (cuda && missing.length === 0) return { device: "cuda", reason: "the CUDA provider is installed" };
    const withoutCuda = cuda ? `the CUDA provider lacks ${missing.join(", ")}` : "no CUDA provider is installed";
    return installed.webgpu === null
      ? { device: "webgpu", reason: `${withoutCuda}; WebGPU has a GPU` }
      : { device: "cpu", reason: `${withoutCuda}; WebGPU: ${installed.webgpu}` };
  }
  if (asked === "cuda" && !installed.cuda) {
    throw new CoxswainError("config", "compute.device is cuda, but ONNX Runtime's CUDA provider is missing", {
      hint: `${installCuda()} Or use device: cpu.`,
    });
  }
  return { device: asked, reason: "asked for" };
}

/** The CPU unless CUDA is requested: whether the native library finds a GPU is known only once it is loaded. */
function chooseTfjsDevice(asked: "auto" | Device): DeviceChoice {
  if (asked === "auto") return { device: "cpu", reason: "the tfjs engine uses a GPU only with device: cuda" };
  if (asked === "webgpu") {
    throw new CoxswainError("config", "compute.device: the tfjs engine does not support webgpu", {
      hint: "Use device: cpu, or engine: onnx.",
    });
  }
  return { device: asked, reason: "asked for" };
}

/** `npm rebuild` is not sufficient: npm 11 skips the scripts of packages that are not allowed to run them. */
function installCuda(): string {
  if (process.platform !== "linux" || process.arch !== "x64") return "It is available only for x64 Linux.";
  const script = join(runtimeFolder(), "script", "install.js");
  return `Fetch it: ONNXRUNTIME_NODE_INSTALL=cuda12 node ${script} (docs/gpu.md).`;
}

const runtimeFolder = (): string => join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node")), "..");

/**
 * Queries the runtime for WebGPU only if the answer matters, because it takes time.
 * @param webgpuAbsence see `onnx/probe.ts`
 */
export async function usableProviders(
  { engine, device }: Pick<ComputeSettings, "engine" | "device">,
  webgpuAbsence: () => Promise<string | null>,
): Promise<Providers> {
  const provider = cudaProvider();
  const missing = provider === undefined ? [] : missingCudaLibraries(provider);
  const matters = engine !== "tfjs" && device === "auto" && (provider === undefined || missing.length > 0);
  return { cuda: provider !== undefined, missing, webgpu: matters ? await webgpuAbsence() : "not requested" };
}

/** Whether a run with these settings computes with CUDA on this machine. */
export function picksCuda({ engine, device }: Pick<ComputeSettings, "engine" | "device">): boolean {
  return device === "cuda" || (device === "auto" && engine !== "tfjs" && isCudaUsable());
}

function isCudaUsable(): boolean {
  const provider = cudaProvider();
  return provider !== undefined && missingCudaLibraries(provider).length === 0;
}

/** The path of the runtime's provider library; undefined if it is not installed. Does not open it. */
export function cudaProvider(): string | undefined {
  const bin = join(runtimeFolder(), "bin");
  if (!existsSync(bin)) return undefined;
  const names = ["libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll"];
  const folders = readdirSync(bin).map((version) => join(bin, version, process.platform, process.arch));
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
}

/**
 * Settings with every "auto" resolved.
 * @throws CoxswainError "config" for an unavailable engine, device or dtype
 */
export function resolveCompute(
  settings: ComputeSettings,
  installed: Providers,
): { readonly engine: EngineName; readonly options: EngineOptions; readonly reason: string } {
  const { threads, gradientCheckpointing, quantization } = settings;
  const engine = settings.engine === "auto" ? "onnx" : settings.engine;
  const { device, reason } =
    engine === "onnx" ? chooseDevice(settings.device, installed) : chooseTfjsDevice(settings.device);
  const dtype = chooseDtype(settings.dtype, engine, device);
  return { engine, options: { device, dtype, threads, gradientCheckpointing, quantization }, reason };
}

/** The 16-bit types for products with weights, accumulated in f32, that each provider has operators for. */
const dtypes: Readonly<Record<Device, readonly ComputeType[]>> = {
  cpu: ["float32"],
  webgpu: ["float32", "float16"],
  cuda: ["float32", "float16", "bfloat16"],
};

/** f32 unless another is requested: a run with "auto" has the same numbers on every device, up to rounding. */
function chooseDtype(asked: "auto" | ComputeType, engine: EngineName, device: Device): ComputeType {
  const there = engine === "onnx" ? dtypes[device] : (["float32"] as const);
  const dtype = asked === "auto" ? "float32" : asked;
  if (there.includes(dtype)) return dtype;
  throw new CoxswainError("config", `compute.dtype: the ${engine} engine does not support ${dtype} on ${device}`, {
    hint: `Supported there: ${there.join(", ")}. Models stored in 16 bits are read as they are, whatever the dtype.`,
  });
}
