/** NF4 weights in the engines: the same numbers as a model whose files hold what NF4 makes of them. */
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { describeModel } from "../../../src/compute/families/index.js";
import { weightSource } from "../../../src/compute/nf4.js";
import {
  dequantized,
  floatTensor,
  openModelFolder,
  readBytes,
  readPacked,
  writeSafetensors,
  type ModelFolder,
  type TensorSource,
} from "../../../src/model/index.js";
import { withTransformersNames } from "../../../src/model/gpt2-weights.js";
import { engineNames } from "../../support/compute/devices.js";
import { cacheDir, withModel, type ModelSettings } from "../../support/compute/engine.js";
import { batches, openGolden, type Golden, type GoldenCase } from "../../support/compute/golden.js";

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** The model with its linear layers' weights replaced by what NF4 makes of them, in f32. */
async function asFiles(given: ModelFolder): Promise<ModelFolder> {
  const model = withTransformersNames(given);
  const { folder, nf4 } = await weightSource(model, describeModel(model), { quantization: "nf4", cacheDir });
  const tensors: TensorSource[] = [];
  for (const [name, location] of folder.tensors) {
    const data = await readBytes(folder, location);
    tensors.push({ name, dtype: location.dtype, shape: location.shape, data });
  }
  for (const [name, weight] of nf4) {
    tensors.push(floatTensor(name, weight.shape, dequantized(await readPacked(folder, weight))));
  }
  const path = await mkdtemp(join(tmpdir(), "dequantized-"));
  folders.push(path);
  await writeSafetensors(join(path, "model.safetensors"), tensors);
  await copyFile(join(model.path, "config.json"), join(path, "config.json"));
  return openModelFolder(path);
}

interface Numbers {
  readonly lossSum: number;
  readonly gradient: Float32Array;
  readonly logits: Float32Array;
}

async function numbersOf(model: ModelFolder, golden: Golden, settings: ModelSettings): Promise<Numbers> {
  return withModel(
    model,
    golden.lora,
    async (trainable) => {
      await trainable.setParameters(await golden.startingAdapter(trainable.layout));
      const gradient = new Float32Array(trainable.layout.size);
      const [batch] = batches(golden.rows, 4);
      const { lossSum } = await trainable.gradients(batch!, gradient);
      const decoder = await trainable.decoder(1);
      const logits = Float32Array.from(await decoder.feed(Int32Array.of(5, 6, 7), new Uint8Array(3).fill(1), 3));
      await decoder.close();
      return { lossSum, gradient, logits };
    },
    settings,
  );
}

// Weights in f32, f16 and bf16; sizes that end in a part of a block; biases; one matrix for several projections.
const cases: readonly GoldenCase[] = [
  ...(["llama", "mistral-sliding", "llama-rope-llama3", "qwen3-nf4", "phi3", "gemma2-packed", "gemma3"] as const),
];

describe.each(engineNames)("%s", (engine) => {
  it.each(cases)(
    "computes the same with %s quantised to NF4 as with its dequantised weights in files",
    async (name) => {
      const golden = await openGolden(name);
      const same = await asFiles(golden.model);
      const variants = [{}, { gradientCheckpointing: true }, { residentBytes: 0 }];
      for (const variant of variants) {
        const settings = { engine, ...variant };
        const quantized = await numbersOf(golden.model, golden, { ...settings, quantization: "nf4" });
        const expected = await numbersOf(same, golden, { ...settings, quantization: null });
        expect(quantized).toEqual(expected);
      }
      const plain = await numbersOf(golden.model, golden, { engine, quantization: null });
      const quantized = await numbersOf(golden.model, golden, { engine, quantization: "nf4" });
      expect(quantized.lossSum).not.toBe(plain.lossSum);
    },
  );
});

it.each(engineNames)("%s: refuses to quantise gpt2, stored [in, out]", async (engine) => {
  const { model, lora } = await openGolden("gpt2-packed");
  const opened = withModel(model, lora, () => Promise.resolve(), { engine, quantization: "nf4", cacheDir });
  await expect(opened).rejects.toThrow(/quantization nf4 is not supported for gpt2/);
});
