/** Reads the output of runs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readAdapter } from "../../src/model/index.js";
import type { StepLine } from "../../src/telemetry/index.js";
import { projectFolder } from "./processes.js";

export const goldenFolder = join(projectFolder, "tests", "golden");
export const quickstartModel = join(projectFolder, "examples", "quickstart", "model");
export const quickstartData = join(projectFolder, "examples", "quickstart", "data");

interface RunOverrides {
  readonly [key: string]: unknown;
  readonly data?: object;
  readonly lora?: object;
  readonly training?: object;
  readonly cluster?: object;
  readonly telemetry?: object;
}

/** A run file for a very short run: a golden model, two steps, one worker, a free port. Sections are merged. */
export function smallRun({ data, lora, training, cluster, telemetry, ...more }: RunOverrides = {}): object {
  return {
    model: join(goldenFolder, "llama", "model"),
    output_dir: "out",
    workers: 1,
    data: { train: join(goldenFolder, "llama", "train.jsonl"), ...data },
    lora: { r: 4, ...lora },
    training: { max_steps: 2, global_batch_size: 8, micro_batch_size: 4, ...training },
    cluster: { listen: "127.0.0.1:0", ...cluster },
    telemetry: { http: null, ...telemetry },
    ...more,
  };
}

/** Steps of `comparedRun`. */
export const comparedSteps = 8;

/** A run whose adapter is compared to the bit, with dropout, so that its draws are covered by the promise, too. */
export const comparedRun = (workers: number, training: object = {}, lora: object = {}): object =>
  smallRun({
    model: quickstartModel,
    workers,
    data: { train: join(quickstartData, "train.jsonl"), max_length: 256 },
    lora: { r: 8, lora_dropout: 0.1, ...lora },
    training: {
      max_steps: comparedSteps,
      global_batch_size: 20,
      micro_batch_size: 2,
      learning_rate: 3e-3,
      save_steps: 2,
      warmup_steps: 2,
      ...training,
    },
    cluster: { min_workers: workers },
  });

/** A very small evaluation set: the quickstart's first examples. @returns its path */
export function smallEvaluationSet(folder: string): string {
  const path = join(folder, "eval.jsonl");
  const lines = readFileSync(join(quickstartData, "eval.jsonl"), "utf8").split("\n");
  writeFileSync(path, lines.slice(0, 4).join("\n"));
  return path;
}

/** The step lines of metrics.jsonl. */
export function stepLines(outputDir: string): StepLine[] {
  const lines = readFileSync(join(outputDir, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as StepLine).filter((line) => "loss" in line);
}

export interface EventLine {
  readonly event: string;
  readonly [detail: string]: unknown;
}

export function eventLines(outputDir: string): EventLine[] {
  const lines = readFileSync(join(outputDir, "events.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as EventLine);
}

/** The adapter's weights file, to the bit. */
export const adapterBytes = (outputDir: string): Buffer =>
  readFileSync(join(outputDir, "adapter", "adapter_model.safetensors"));

/** The largest difference of two adapters, over the largest entry of the second. */
export async function adapterDifference(folder: string, reference: string): Promise<number> {
  const [actual, expected] = await Promise.all([readAdapter(folder), readAdapter(reference)]);
  let difference = 0;
  let largest = 0;
  for (const [key, { values }] of expected.tensors) {
    const found = actual.tensors.get(key)?.values;
    if (found?.length !== values.length) return Number.POSITIVE_INFINITY;
    values.forEach((value, index) => {
      difference = Math.max(difference, Math.abs(value - (found[index] ?? Number.NaN)));
      largest = Math.max(largest, Math.abs(value));
    });
  }
  return difference / largest;
}
