/**
 * How many threads each worker computes with. A matrix product of few columns is cut along its sum differently for
 * another number of threads, which changes last bits: so a run has one number, whatever machine a worker is on.
 */
import { availableParallelism } from "node:os";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadRun } from "../config/index.js";
import type { RunConfig } from "../config/index.js";

/** The run with "auto" resolved: what it was started with where it is resumed, else the cores of this machine. */
export async function withThreads(config: RunConfig, resume: boolean): Promise<RunConfig> {
  if (config.compute.threads !== "auto") return config;
  const threads = (resume ? await threadsBefore(config) : undefined) ?? availableParallelism();
  return { ...config, compute: { ...config.compute, threads } };
}

/**
 * What to say where local workers have threads for all cores each, which their number does not change: it must not
 * decide bits. Undefined where there is nothing to say.
 */
export function crowdedCores({ compute, workers }: RunConfig, cores: number): string | undefined {
  if (compute.threads !== "auto" || workers < 2 || cores < 2) return undefined;
  const fair = Math.max(1, Math.floor(cores / workers));
  return `${workers} workers share ${cores} cores with ${cores} threads each; compute.threads: ${fair} may be faster (a setting of the run: it decides last bits)`;
}

async function threadsBefore({ output_dir: outputDir }: RunConfig): Promise<number | undefined> {
  const path = join(outputDir, "run.yaml");
  if (!existsSync(path)) return undefined;
  const { threads } = (await loadRun(path)).config.compute;
  return threads === "auto" ? undefined : threads;
}
