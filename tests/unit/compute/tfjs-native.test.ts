/** The native library of TensorFlow, where its addon is: see docs/engines.md for how to get it. */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BackendName } from "../../../src/compute/tfjs/backends.js";
import { collate } from "../../../src/data/row.js";
import { relativeDifference } from "../../support/allclose.js";
import { withGolden, type ModelSettings } from "../../support/compute/engine.js";
import { goldenCases } from "../../support/compute/golden.js";

function hasAddon(name: BackendName): boolean {
  try {
    const lib = join(dirname(createRequire(import.meta.url).resolve(`@tensorflow/${name}/package.json`)), "lib");
    return readdirSync(lib).some((folder) => existsSync(join(lib, folder, "tfjs_binding.node")));
  } catch {
    return false;
  }
}

const native = (["tfjs-node", "tfjs-node-gpu"] as const).filter(hasAddon);
const settings: ModelSettings = { engine: "tfjs", backends: native };

describe.skipIf(native.length === 0)("TensorFlow's native library (skipped without its addon)", () => {
  it.each(goldenCases)("%s: first loss and gradients equal those of transformers and PEFT", async (name) => {
    await withGolden(
      name,
      async (trainable, golden) => {
        expect(trainable.backend.name).toBe(native[0]);
        const { layout } = trainable;
        const gradient = new Float32Array(layout.size);
        const { lossSum, tokens } = await trainable.gradients(collate(golden.rows), gradient);
        expect(Math.abs(lossSum / tokens / golden.firstStep.loss - 1)).toBeLessThan(1e-6);
        const mean = gradient.map((value) => value / tokens);
        // As in golden.test.ts: the reference of qwen2 rounds its rotary frequencies.
        const tolerance = name === "qwen2" ? 5e-4 : 1e-5;
        expect(relativeDifference(mean, await golden.firstGradients(layout))).toBeLessThan(tolerance);
      },
      settings,
    );
  });

  it("dropout and a key/value cache give the numbers of the onnx engine", async () => {
    const results: { gradient: Float32Array; logits: Float32Array }[] = [];
    for (const engine of [{}, settings]) {
      await withGolden(
        "qwen3-yarn-sharded",
        async (trainable, { rows }) => {
          const gradient = new Float32Array(trainable.layout.size);
          await trainable.gradients(collate(rows), gradient, { seed: 7, step: 3, shard: 1 });
          const decoder = await trainable.decoder(2);
          await decoder.feed(Int32Array.of(3, 4, 5, 6, 7, 8), Uint8Array.of(1, 1, 1, 0, 1, 1), 3);
          const logits = await decoder.feed(Int32Array.of(9, 10), Uint8Array.of(1, 1), 1);
          await decoder.close();
          results.push({ gradient, logits });
        },
        { ...engine, dropout: 0.2 },
      );
    }
    const [onnx, tfjs] = results;
    expect(relativeDifference(tfjs!.gradient, onnx!.gradient)).toBeLessThan(1e-5);
    expect(relativeDifference(tfjs!.logits, onnx!.logits)).toBeLessThan(2e-5);
  });

  it("the same call gives the same bits, and so does gradient checkpointing", async () => {
    const results: Float32Array[] = [];
    for (const gradientCheckpointing of [false, true]) {
      await withGolden(
        "qwen3",
        async (trainable, { rows }) => {
          for (let again = 0; again < 3; again++) {
            const gradient = new Float32Array(trainable.layout.size);
            await trainable.gradients(collate(rows), gradient);
            await trainable.loss(collate(rows.slice(0, 1)));
            results.push(gradient);
          }
        },
        { ...settings, gradientCheckpointing },
      );
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
