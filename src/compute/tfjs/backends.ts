/**
 * The runtimes of TensorFlow.js, in order of preference: the native library on a GPU or the CPU, if one of its two
 * packages is installed with its addon; WebAssembly, which every installation has; and plain JavaScript, which is very
 * slow. tfjs has one current backend per thread, so the first choice of a thread is final.
 */
import { backend as currentBackend, enableProdMode, ready, setBackend } from "@tensorflow/tfjs-core";
import { CoxswainError, messageOf } from "../../errors.js";
import type { ComputeBackend, Device } from "../engine.js";
import { prepareNative } from "./native-settings.js";
import { explicitProducts, flaggedProducts, type Products } from "./products.js";

export const backendNames = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;
export type BackendName = (typeof backendNames)[number];

export interface Backend {
  readonly report: ComputeBackend;
  readonly products: Products;
}

export interface BackendRequest {
  /** The backends to try, in order. */
  readonly order: readonly BackendName[];
  /** "cpu" or "cuda". */
  readonly device: Device;
  /** Threads of a native library on a CPU. */
  readonly threads: number;
  /** Loads a package, which registers its backend. Default: import. */
  readonly load?: (packageName: string) => Promise<unknown>;
  /** "24.1.0". Default: this process's. */
  readonly nodeVersion?: string;
}

/** The first major version of Node.js that lacks functions which tfjs-node 4.22 calls. */
const firstNodeWithoutNative = 23;

interface Candidate {
  readonly package: string;
  /** Its name in tfjs's registry. */
  readonly registered: string;
  readonly native: boolean;
}

const candidates: Record<BackendName, Candidate> = {
  "tfjs-node-gpu": { package: "@tensorflow/tfjs-node-gpu", registered: "tensorflow", native: true },
  "tfjs-node": { package: "@tensorflow/tfjs-node", registered: "tensorflow", native: true },
  wasm: { package: "@tensorflow/tfjs-backend-wasm", registered: "wasm", native: false },
  cpu: { package: "@tensorflow/tfjs-backend-cpu", registered: "cpu", native: false },
};

/**
 * The first backend that loads; its report contains why earlier ones did not.
 * @throws CoxswainError "config" if none does, or a GPU is requested and the native library finds none
 */
export async function loadBackend(request: BackendRequest): Promise<Backend> {
  // Otherwise it prints a greeting and advice on other packages to the console.
  enableProdMode();
  const passedOver: string[] = [];
  for (const name of request.order) {
    const candidate = candidates[name];
    const trouble = await load(candidate, request);
    if (trouble === null) {
      return { report: reportOf(name, passedOver), products: candidate.native ? flaggedProducts : explicitProducts };
    }
    passedOver.push(`${name}: ${trouble}`);
  }
  throw nothingLoads(request.device, passedOver.join("; "));
}

function nothingLoads(device: Device, passedOver: string): CoxswainError {
  if (device === "cuda") {
    return new CoxswainError("config", `compute.device: no tfjs backend has a GPU (${passedOver})`, {
      hint: "It needs @tensorflow/tfjs-node-gpu with CUDA (docs/engines.md). Use device: cpu, or engine: onnx.",
    });
  }
  return new CoxswainError("config", `compute.engine: no tfjs backend loads (${passedOver})`, {
    hint: "Install again with npm ci, or use engine: onnx.",
  });
}

const importPackage = (name: string): Promise<unknown> => import(name);

/** @returns why it does not load, null if it did */
async function load(
  candidate: Candidate,
  { device, threads, load: loadPackage = importPackage, nodeVersion = process.versions.node }: BackendRequest,
): Promise<string | null> {
  if (!candidate.native && device === "cuda") return "it computes on the CPU";
  if (candidate.native && Number.parseInt(nodeVersion) >= firstNodeWithoutNative) {
    return `its native addon does not load on Node.js ${firstNodeWithoutNative} and later`;
  }
  const restore = candidate.native ? prepareNative({ device, threads }) : undefined;
  try {
    await loadPackage(candidate.package);
  } catch (error) {
    restore?.();
    return reasonOf(error);
  }
  try {
    if (!(await setBackend(candidate.registered))) return "it cannot be initialised";
    await ready();
  } catch (error) {
    return reasonOf(error);
  }
  if (device === "cuda" && !usesGpu()) return "it finds no GPU";
  return null;
}

/** Why a package does not load, in one line. */
function reasonOf(error: unknown): string {
  const message = messageOf(error);
  if (/cannot find (module|package)/i.test(message)) return "not installed";
  if (message.includes("tfjs_binding.node")) return "installed without its native addon";
  return (message.trim().split("\n", 1)[0] ?? "").slice(0, 200);
}

function usesGpu(): boolean {
  const backend: object = currentBackend();
  return "isUsingGpuDevice" in backend && backend.isUsingGpuDevice === true;
}

function reportOf(name: BackendName, passedOver: readonly string[]): ComputeBackend {
  const reason = passedOver.length === 0 ? "the first choice" : `passed over ${passedOver.join("; ")}`;
  if (name !== "cpu") return { name, reason, warning: null };
  return { name, reason, warning: "computing in plain JavaScript, which is about 100 times slower" };
}
