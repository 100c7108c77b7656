/** Examines this machine: software, CPU, memory, engines, disk. Read-only. */
import { readFile, statfs } from "node:fs/promises";
import { cpus, freemem } from "node:os";
import { askDriver, cudaState, onnxDevice, runtimeVersion, tfjsBackend } from "../compute/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { hostLimits } from "../host/index.js";
import { defaultCacheFolder, inCache } from "../storage/index.js";
import { bytesText } from "./units.js";

export interface Finding {
  /** "memory" */
  readonly name: string;
  /** "bad" prevents a run from starting, "note" is worth knowing. */
  readonly state: "good" | "note" | "bad";
  readonly text: string;
  /** What to do about it. */
  readonly hint?: string;
}

export interface Memory {
  /** Bytes available to this process and its children in total: the machine's, or the container's limit. */
  readonly total: number;
  /** Free bytes of it. */
  readonly available: number;
}

/** @param memory what `examineMemory` found */
export async function examineMachine(memory: Memory): Promise<Finding[]> {
  return [
    nodeVersion(process.versions.node),
    {
      name: "processor",
      state: "good",
      text: `${cpus()[0]?.model.trim() ?? "unknown"}, for this process ${hostLimits().coresText}`,
    },
    {
      name: "memory",
      state: "good",
      text: `${bytesText(memory.total)}, ${bytesText(memory.available)} free`,
    },
    await graphicsProcessors(),
    await onnx(),
    ...cuda(),
    await tfjs(),
    await cache(),
  ];
}

/** The versions that package.json's `engines` names. */
export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const supported = (major === 20 && minor >= 19) || major > 20;
  return supported
    ? { name: "Node.js", state: "good", text: version }
    : {
        name: "Node.js",
        state: "bad",
        text: `${version} is not supported`,
        hint: "Install Node.js 20.19 or later.",
      };
}

export async function examineMemory(): Promise<Memory> {
  const { memory, isMemoryLimited } = hostLimits();
  const available = (await availableMemory()) ?? freemem();
  if (!isMemoryLimited) return { total: memory, available };
  return { total: memory, available: Math.min(available, Math.max(0, memory - process.memoryUsage.rss())) };
}

/** Linux: memory available without swapping; file caches count as free. */
async function availableMemory(): Promise<number | undefined> {
  const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

async function graphicsProcessors(): Promise<Finding> {
  try {
    const found = await askDriver("name,memory.total,driver_version", 10_000);
    if (found.length > 0) return { name: "GPU", state: "good", text: found.join("; ") };
    return { name: "GPU", state: "note", text: "nvidia-smi finds no GPU" };
  } catch (error) {
    const why = systemCodeOf(error) === "ENOENT" ? "nvidia-smi is not installed" : messageOf(error).split("\n", 1)[0];
    return { name: "GPU", state: "note", text: `no NVIDIA GPU was found: ${String(why)}` };
  }
}

async function onnx(): Promise<Finding> {
  try {
    const { device, reason } = await onnxDevice();
    return { name: "onnx", state: "good", text: `ONNX Runtime ${await runtimeVersion()} on ${device}: ${reason}` };
  } catch (error) {
    return { name: "onnx", state: "bad", text: messageOf(error), hint: "Install again with npm ci." };
  }
}

/** Only if the provider is installed; only a run shows whether it works. */
function cuda(): Finding[] {
  const state = cudaState();
  if (state === undefined) return [];
  const { provider, missing, hint } = state;
  if (missing.length === 0)
    return [{ name: "CUDA", state: "good", text: `${provider}, and the libraries that it needs` }];
  return [
    { name: "CUDA", state: "note", text: `${provider} needs ${missing.join(", ")}, not found by the loader.`, hint },
  ];
}

async function tfjs(): Promise<Finding> {
  try {
    const { name, reason, warning } = await tfjsBackend();
    return { name: "tfjs", state: warning === null ? "good" : "note", text: `${name}: ${warning ?? reason}` };
  } catch (error) {
    return { name: "tfjs", state: "note", text: messageOf(error) };
  }
}

async function cache(): Promise<Finding> {
  try {
    const folder = defaultCacheFolder();
    const { bavail, bsize } = await inCache(folder, folder, () => statfs(folder));
    return { name: "cache", state: "good", text: `${folder}, ${bytesText(bavail * bsize)} free` };
  } catch (error) {
    const hint = (error instanceof CoxswainError ? error.hint : undefined) ?? "Set COXSWAIN_CACHE to another folder.";
    return { name: "cache", state: "bad", text: messageOf(error), hint };
  }
}
