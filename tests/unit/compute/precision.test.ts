/** `compute.dtype`: how far 16 bits are from f32, and what becomes of numbers that they cannot hold. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeModel } from "../../../src/compute/families/index.js";
import { GraphBuilder, type Value } from "../../../src/compute/onnx/graph-builder.js";
import { frozenProduct, narrowed } from "../../../src/compute/onnx/operations/frozen.js";
import { residentWeights } from "../../../src/compute/onnx/resident.js";
import { Session, tensorClass } from "../../../src/compute/onnx/session.js";
import { collate } from "../../../src/data/row.js";
import { floatTensor, openModelFolder, readTensor, writeSafetensors } from "../../../src/model/index.js";
import type { ModelFolder } from "../../../src/model/index.js";
import { relativeDifference } from "../../support/allclose.js";
import { onWebgpu } from "../../support/compute/devices.js";
import { withGolden, withModel } from "../../support/compute/engine.js";
import { openGolden } from "../../support/compute/golden.js";
import { keepWebgpuOpen } from "../../support/compute/webgpu.js";

const float16 = { engine: "onnx on webgpu", dtype: "float16" } as const;
const upProjection = "model.layers.0.mlp.up_proj.weight";

/** The llama case's model with the largest number of one matrix, all others in proportion, at `largest`. */
async function withLargeWeight<R>(largest: number, use: (model: ModelFolder) => Promise<R>): Promise<R> {
  const { model } = await openGolden("llama");
  const folder = await mkdtemp(join(tmpdir(), "coxswain-precision-"));
  try {
    const tensors = [];
    for (const [name, location] of model.tensors) {
      const values = await readTensor(model, location);
      const factor = name === upProjection ? largest / values.reduce((most, v) => Math.max(most, Math.abs(v)), 0) : 1;
      tensors.push(
        floatTensor(
          name,
          location.shape,
          values.map((value) => value * factor),
        ),
      );
    }
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    await writeFile(join(folder, "config.json"), JSON.stringify(model.config));
    return await use(await openModelFolder(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe.runIf(onWebgpu)("onnx on webgpu", () => {
  it.each(["llama", "gemma2-packed", "gpt2-packed", "qwen3-nf4"] as const)(
    "float16: %s: rounds factors to 16 bits, and is as close to f64 as that allows",
    async (name) => {
      await withGolden(
        name,
        async (trainable, golden) => {
          const gradient = new Float32Array(trainable.layout.size);
          const { lossSum, tokens } = await trainable.gradients(collate(golden.rows), gradient);
          expect(Math.abs(lossSum / tokens / golden.firstStep.loss - 1)).toBeLessThan(1e-4);
          const mean = gradient.map((value) => value / tokens);
          const error = relativeDifference(mean, await golden.firstGradients(trainable.layout));
          // 2^-11 a rounding; f32 has less than 1e-5.
          expect(error).toBeLessThan(0.02);
          expect(error).toBeGreaterThan(1e-4);
        },
        float16,
      );
    },
  );

  it("float16: the same call gives the same bits", async () => {
    await withGolden(
      "llama",
      async (trainable, golden) => {
        const batch = collate(golden.rows.slice(0, 2));
        const [first, second] = [0, 0].map(() => new Float32Array(trainable.layout.size)) as [
          Float32Array,
          Float32Array,
        ];
        expect(await trainable.gradients(batch, second)).toEqual(await trainable.gradients(batch, first));
        expect(second).toEqual(first);
      },
      float16,
    );
  });

  it("float16: intermediate sums are f32, where 2048 + 1 is 2049", async () => {
    await keepWebgpuOpen();
    const graph = GraphBuilder.for("webgpu");
    const factor = (name: string): Value => narrowed(graph, "float16", graph.input(name, "float32", [1, 4096]));
    const product = frozenProduct(graph, "float16", {
      x: factor("x"),
      weight: factor("weight"),
      transB: true,
      label: "product",
    });
    graph.output("y", product, "float32", [1, 1]);
    const settings = { purpose: "test", folder: ".", device: "webgpu", threads: 1 } as const;
    const session = await Session.open(graph.model("product"), settings);
    const TensorOf = await tensorClass();
    const ones = new TensorOf("float32", new Float32Array(4096).fill(1), [1, 4096]);
    const { y } = await session.run({ x: ones, weight: ones }, ["y"]);
    await session.close();
    expect(y?.data).toEqual(Float32Array.of(4096));
  });

  it("float16: activations beyond its range give a non-finite loss", async () => {
    await withLargeWeight(60_000, async (model) => {
      const { lora, rows } = await openGolden("llama");
      const lossIn = (dtype: "float32" | "float16") =>
        withModel(model, lora, async (trainable) => (await trainable.loss(collate(rows.slice(0, 2)))).lossSum, {
          ...float16,
          dtype,
        });
      expect(await lossIn("float32")).toSatisfy(Number.isFinite);
      expect(await lossIn("float16")).not.toSatisfy(Number.isFinite);
    });
  });
});

it("float16: refuses a weight beyond its range", async () => {
  await withLargeWeight(70_000, async (model) => {
    const spec = describeModel(model);
    const residence = { limit: Infinity, matrices: "float16" } as const;
    await expect(residentWeights(model, { whole: spec, used: spec }, residence)).rejects.toMatchObject({
      code: "model",
      message: expect.stringMatching(/up_proj.weight has the value .* float16 cannot hold/) as string,
      hint: expect.stringContaining("compute.dtype: float32") as string,
    });
  });
});
