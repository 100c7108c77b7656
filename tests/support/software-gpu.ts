/** The software Vulkan driver that `scripts/install-lavapipe.mjs` fetches: what WebGPU runs on without a GPU. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The environment that a process needs from its start; null where the driver is not installed. */
export function softwareGpuEnvironment(): Record<string, string> | null {
  try {
    const about = readFileSync(join(homedir(), ".cache/coxswain/lavapipe/about.json"), "utf8");
    return (JSON.parse(about) as { environment: Record<string, string> }).environment;
  } catch {
    return null;
  }
}
