/** The undisturbed run: executed once, kept, and reused for the same run. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readResolved } from "../config/index.js";
import type { RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import type { MetricsLine } from "./report.js";

/** The outcome of a run. */
export interface Result {
  readonly lines: readonly MetricsLine[];
  /** sha256 of the adapter's weights; null if there is no adapter. */
  readonly sha256: string | null;
}

export interface Undisturbed extends Result {
  /** Of all workers together, from the first to the last commit. */
  readonly seconds: number;
}

export function readResult(outputDir: string): Result {
  const adapter = join(outputDir, "adapter", "adapter_model.safetensors");
  return {
    lines: readJsonLines(join(outputDir, "metrics.jsonl")),
    sha256: existsSync(adapter) ? createHash("sha256").update(readFileSync(adapter)).digest("hex") : null,
  };
}

export function readJsonLines(path: string): MetricsLine[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as MetricsLine);
}

/** Next to the run's own files: what they don't record. */
const timeFile = "undisturbed.json";

export function keepTime(outputDir: string, time: { readonly seconds: number; readonly workers: number }): void {
  writeFileSync(join(outputDir, timeFile), `${JSON.stringify(time)}\n`);
}

/**
 * An earlier undisturbed run, from its output folder or the folder of its chaos run.
 * @throws CoxswainError "usage" if it is not finished, or has other settings or another number of workers
 */
export async function reuse(folder: string, config: RunConfig, workers: number): Promise<Undisturbed> {
  const outputDir = existsSync(join(folder, "reference")) ? join(folder, "reference") : folder;
  const result = readResult(outputDir);
  if (result.sha256 === null || !existsSync(join(outputDir, timeFile)))
    throw new CoxswainError("usage", `--reference ${folder} contains no undisturbed run of \`coxswain chaos\``, {
      hint: "Give the output folder of an earlier `coxswain chaos`, or omit --reference.",
    });
  const time = JSON.parse(readFileSync(join(outputDir, timeFile), "utf8")) as { seconds: number; workers: number };
  const then = await readResolved(outputDir);
  const differ = [
    ...(then === undefined ? ["its settings, which are missing,"] : differences(then, config)),
    ...(time.workers === workers ? [] : ["workers"]),
  ];
  if (differ.length > 0)
    throw new CoxswainError("usage", `--reference ${folder} is of another run: ${differ.join(", ")} differ`, {
      hint: "Omit --reference to run the undisturbed run again.",
    });
  return { ...result, seconds: time.seconds };
}

/** Sections that affect the result or its duration. "auto" was resolved when the run was started. */
function differences(then: RunConfig, now: RunConfig): string[] {
  const compute = (config: RunConfig): object => ({
    ...config.compute,
    threads: now.compute.threads === "auto" ? "auto" : config.compute.threads,
  });
  const parts = (config: RunConfig): Record<string, unknown> => ({
    model: config.model,
    seed: config.seed,
    data: config.data,
    lora: config.lora,
    quantization: config.quantization,
    training: config.training,
    compute: compute(config),
    "cluster.all_reduce": config.cluster.all_reduce,
    "cluster.all_reduce_dtype": config.cluster.all_reduce_dtype,
  });
  const [a, b] = [parts(then), parts(now)];
  return Object.keys(a).filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}
