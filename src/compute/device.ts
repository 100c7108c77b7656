/** What computes: resolves the run file's "auto" engine, device and dtype, and says why. */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CoxswainError } from "../errors.js";
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
  /** Why, as a clause: "no CUDA provider is installed". */
  readonly reason: string;
}

/** Which execution providers this installation of the runtime has. */
export interface InstalledProviders {
  readonly cuda: boolean;
}

/**
 * CUDA where it is installed, else the CPU. WebGPU is used only where it is asked for: whether a usable GPU stands behind
 * it is known only once a model is opened.
 */
export function chooseDevice(asked: "auto" | Device, installed: InstalledProviders): DeviceChoice {
  if (asked === "auto") {
    return installed.cuda
      ? { device: "cuda", reason: "the CUDA provider is installed" }
      : { device: "cpu", reason: "no CUDA provider is installed" };
  }
  if (asked === "cuda" && !installed.cuda) {
    throw new CoxswainError(
      "config",
      "compute.device: cuda is asked for, but ONNX Runtime's CUDA provider is missing",
      { hint: `${installCuda()} Or use device: cpu.` },
    );
  }
  return { device: asked, reason: "asked for" };
}

/** The CPU unless CUDA is asked for: whether the native library finds a GPU is known only once it is loaded. */
function chooseTfjsDevice(asked: "auto" | Device): DeviceChoice {
  if (asked === "auto")
    return { device: "cpu", reason: "the tfjs engine takes a GPU only where device: cuda asks for it" };
  if (asked === "webgpu") {
    throw new CoxswainError("config", "compute.device: webgpu is not there for the tfjs engine", {
      hint: "Use device: cpu, or engine: onnx.",
    });
  }
  return { device: asked, reason: "asked for" };
}

/** `npm rebuild` would not do: npm 11 skips the scripts of packages that are not allowed to run them. */
function installCuda(): string {
  if (process.platform !== "linux" || process.arch !== "x64") return "It is there for x64 Linux alone.";
  const script = join(runtimeFolder(), "script", "install.js");
  return `Fetch it: ONNXRUNTIME_NODE_INSTALL=cuda12 node ${script} (README.md, "GPU").`;
}

const runtimeFolder = (): string => join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node")), "..");

/** Looks for the runtime's provider libraries; opens none of them. */
export function installedProviders(): InstalledProviders {
  const bin = join(runtimeFolder(), "bin");
  if (!existsSync(bin)) return { cuda: false };
  const names = ["libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll"];
  const folders = readdirSync(bin).map((version) => join(bin, version, process.platform, process.arch));
  return { cuda: folders.some((folder) => names.some((name) => existsSync(join(folder, name)))) };
}

/**
 * Settings with every "auto" resolved.
 * @throws CoxswainError "config" for an engine, device or dtype that is not there
 */
export function resolveCompute(
  settings: ComputeSettings,
  installed: InstalledProviders = installedProviders(),
): { readonly engine: EngineName; readonly options: EngineOptions; readonly reason: string } {
  const { threads, gradientCheckpointing, quantization } = settings;
  const engine = settings.engine === "auto" ? "onnx" : settings.engine;
  if (settings.dtype !== "auto" && settings.dtype !== "float32") {
    throw new CoxswainError("config", `compute.dtype: ${settings.dtype} is not there yet for the ${engine} engine`, {
      hint: "Use dtype: auto or float32. Models stored in 16 bits are read as they are; only activations are f32.",
    });
  }
  const { device, reason } =
    engine === "onnx" ? chooseDevice(settings.device, installed) : chooseTfjsDevice(settings.device);
  return { engine, options: { device, dtype: "float32", threads, gradientCheckpointing, quantization }, reason };
}
