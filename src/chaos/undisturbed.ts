/** The run that nothing happens to: made once, kept, and taken again where it is of the same run. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readResolved } from "../config/index.js";
import type { RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import type { MetricsLine } from "./report.js";

/** What a run left behind. */
export interface Result {
  readonly lines: readonly MetricsLine[];
  /** sha256 of the adapter's weights; null where there is no adapter. */
  readonly sha256: string | null;
}

export interface Undisturbed extends Result {
  /** Of all workers together, from the first commit to the last. */
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

/** Beside the run's own files: what they don't say. */
const timeFile = "undisturbed.json";

export function keepTime(outputDir: string, time: { readonly seconds: number; readonly workers: number }): void {
  writeFileSync(join(outputDir, timeFile), `${JSON.stringify(time)}\n`);
}

/**
 * An earlier undisturbed run: its output folder, or the folder of the chaos that made it.
 * @throws CoxswainError "usage" where it is no finished run, or one of other settings or another number of workers
 */
export async function reuse(folder: string, config: RunConfig, workers: number): Promise<Undisturbed> {
  const outputDir = existsSync(join(folder, "reference")) ? join(folder, "reference") : folder;
  const result = readResult(outputDir);
  if (result.sha256 === null || !existsSync(join(outputDir, timeFile)))
    throw new CoxswainError("usage", `--reference ${folder} holds no undisturbed run of \`coxswain chaos\``, {
      hint: "Name the output folder of an earlier `coxswain chaos`, or leave --reference away.",
    });
  const time = JSON.parse(readFileSync(join(outputDir, timeFile), "utf8")) as { seconds: number; workers: number };
  const then = await readResolved(outputDir);
  const differ = [
    ...(then === undefined ? ["its settings, which are not there,"] : differences(then, config)),
    ...(time.workers === workers ? [] : ["workers"]),
  ];
  if (differ.length > 0)
    throw new CoxswainError("usage", `--reference ${folder} is of another run: ${differ.join(", ")} differ`, {
      hint: "Leave --reference away: the undisturbed run is then made anew.",
    });
  return { ...result, seconds: time.seconds };
}

/** Sections that decide the result or the time that it takes. "auto" was settled when the run was started. */
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
