/** The golden cases: small models with what torch, transformers and PEFT computed on them in float64. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { collate, type Batch, type Row } from "../../../src/data/row.js";
import { flattenAdapter, openModelFolder, readAdapter, readSafetensorsHeader } from "../../../src/model/index.js";
import type { LoraLayout, LoraSettings, ModelFolder, Quantization } from "../../../src/model/index.js";
import { readFloats } from "../../../src/model/read-tensor.js";

export const goldenCases = [
  "llama",
  "qwen2",
  "qwen3",
  "llama-packed",
  "llama-rope-llama3",
  "mistral-sliding",
  "qwen2-linear-window",
  "qwen3-yarn-sharded",
  "phi3",
  "gemma2-packed",
  "gemma3",
  "gpt2-packed",
  "qwen3-nf4",
] as const;
export type GoldenCase = (typeof goldenCases)[number];

const folderOf = (name: GoldenCase): string => join(import.meta.dirname, "../../golden", name);

interface ExpectedStep {
  readonly loss: number;
  readonly grad_norm: number;
  readonly supervised_tokens: number;
}

export interface Golden {
  readonly model: ModelFolder;
  readonly lora: LoraSettings;
  /** Of the base model. */
  readonly quantization: Quantization | null;
  /** The first global batch, an example a row. */
  readonly rows: readonly Row[];
  readonly firstStep: ExpectedStep;
  startingAdapter(layout: LoraLayout): Promise<Float32Array>;
  /** Gradient of the first step's **mean** loss. */
  firstGradients(layout: LoraLayout): Promise<Float32Array>;
}

export async function openGolden(name: GoldenCase): Promise<Golden> {
  const folder = folderOf(name);
  const expected = JSON.parse(await readFile(join(folder, "expected.json"), "utf8")) as {
    lora: { r: number; lora_alpha: number; target_modules: "all-linear" | string[]; use_rslora?: boolean };
    global_batch_size: number;
    quantization?: Quantization;
    steps: ExpectedStep[];
  };
  const { r, lora_alpha: alpha, target_modules: targetModules } = expected.lora;
  const lines = (await readFile(join(folder, "train.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .slice(0, expected.global_batch_size);
  return {
    model: await openModelFolder(join(folder, "model")),
    lora: { r, alpha, dropout: 0, targetModules, useRslora: expected.lora.use_rslora ?? false },
    quantization: expected.quantization ?? null,
    rows: lines.map((line) => {
      const { input_ids: ids, labels } = JSON.parse(line) as { input_ids: number[]; labels: number[] };
      return { inputIds: Int32Array.from(ids), labels: Int32Array.from(labels), segments: [ids.length] };
    }),
    firstStep: expected.steps[0]!,
    startingAdapter: async (layout) => flattenAdapter(await readAdapter(join(folder, "adapter_init")), layout),
    firstGradients: (layout) => readGradients(join(folder, "first_gradients.safetensors"), layout),
  };
}

async function readGradients(path: string, layout: LoraLayout): Promise<Float32Array> {
  const { tensors } = await readSafetensorsHeader(path);
  const flat = new Float32Array(layout.size);
  for (const { module, part, offset } of layout.tensors) {
    flat.set(await readFloats(path, tensors.get(`base_model.model.${module}.lora_${part}.weight`)!), offset);
  }
  return flat;
}

/** The rows as batches of `size`. */
export function batches(rows: readonly Row[], size: number): Batch[] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => collate(rows.slice(i * size, (i + 1) * size)));
}
