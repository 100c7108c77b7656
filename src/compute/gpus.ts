/**
 * NVIDIA GPUs of this machine, by the names that CUDA_VISIBLE_DEVICES takes: indices as in nvidia-smi, or the
 * environment's names. Each worker process uses one of them.
 */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { CoxswainError } from "../errors.js";

/** The variable that restricts a process to some GPUs. */
export const visibleVariable = "CUDA_VISIBLE_DEVICES";

/** The GPUs that this process may use: those named in its environment, otherwise all of the machine. */
export async function visibleGpus(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  installed: () => Promise<readonly string[]> = installedGpus,
): Promise<readonly string[]> {
  const named = environment[visibleVariable];
  return named === undefined ? installed() : splitNames(named);
}

/**
 * @param asked "all", or names separated by commas
 * @throws CoxswainError "config" for a GPU that does not exist, or is listed twice
 */
export function chooseGpus(asked: string, visible: readonly string[]): readonly string[] {
  const names = asked === "all" ? visible : splitNames(asked);
  const hint =
    visible.length === 0
      ? "No NVIDIA GPU is visible (nvidia-smi, /dev/nvidia0, CUDA_VISIBLE_DEVICES). Omit --devices to use the CPU."
      : `There ${visible.length === 1 ? "is" : "are"}: ${visible.join(", ")}.`;
  const missing = names.find((name) => !visible.includes(name));
  if (missing !== undefined) throw new CoxswainError("config", `--devices: there is no GPU ${missing}`, { hint });
  if (names.length === 0) {
    throw new CoxswainError("config", `--devices ${asked}: there is no GPU to compute on`, { hint });
  }
  if (new Set(names).size < names.length) {
    throw new CoxswainError("config", `--devices ${asked}: a GPU is listed twice`, {
      hint: "Each worker uses one GPU: list each GPU once.",
    });
  }
  return names;
}

const splitNames = (text: string): string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/** As reported by the driver's tool; if it is missing, one per device file. */
async function installedGpus(): Promise<readonly string[]> {
  try {
    return await askDriver("index", 20_000);
  } catch {
    const files = await readdir("/dev").catch(() => []);
    return files.flatMap((file) => /^nvidia(\d+)$/.exec(file)?.[1] ?? []).sort((a, b) => Number(a) - Number(b));
  }
}

/**
 * Queries the driver's tool (nvidia-smi) about every GPU: one line each.
 * @param fields "index", "name,memory.total"
 * @param timeout ms
 * @throws the system's error if there is no such tool, or it fails
 */
export async function askDriver(fields: string, timeout: number): Promise<readonly string[]> {
  const query = [`--query-gpu=${fields}`, "--format=csv,noheader"];
  const { stdout } = await promisify(execFile)("nvidia-smi", query, { timeout });
  return stdout
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
