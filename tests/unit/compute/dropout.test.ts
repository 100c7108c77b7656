import { describe, expect, it } from "vitest";
import { dropoutMask } from "../../../src/compute/dropout.js";
import type { DropoutKey } from "../../../src/compute/engine.js";
import { collate } from "../../../src/data/row.js";
import { philox4x32, hashName } from "../../../src/math/philox.js";
import { relativeDifference } from "../../support/allclose.js";
import { comparedEngines, engineNames, few } from "../../support/compute/devices.js";
import { withGolden } from "../../support/compute/engine.js";

const key: DropoutKey = { seed: 2 ** 40 + 5, step: 17, shard: 3 };
const module = "model.layers.0.self_attn.q_proj";

describe("dropout masks depend exactly on their keys", () => {
  it("the same keys give the same mask, and a longer mask begins with the shorter one", () => {
    const mask = dropoutMask(key, module, 0.3, 1000);
    expect(dropoutMask(key, module, 0.3, 1000)).toEqual(mask);
    expect(dropoutMask(key, module, 0.3, 5000).subarray(0, 1000)).toEqual(mask);
  });

  it("another seed, step, shard or module gives an unrelated mask", () => {
    const size = 1 << 16;
    const mask = dropoutMask(key, module, 0.5, size);
    const others = [
      dropoutMask({ ...key, seed: key.seed + 1 }, module, 0.5, size),
      dropoutMask({ ...key, seed: 5 }, module, 0.5, size),
      dropoutMask({ ...key, step: 18 }, module, 0.5, size),
      dropoutMask({ ...key, shard: 4 }, module, 0.5, size),
      dropoutMask(key, module.replace("q_proj", "k_proj"), 0.5, size),
    ];
    for (const other of others) {
      const equal = other.reduce((count, keep, i) => count + (keep === mask[i] ? 1 : 0), 0);
      // Half agree by chance, give or take 6 standard deviations.
      expect(Math.abs(equal - size / 2)).toBeLessThan(6 * Math.sqrt(size / 4));
    }
  });

  it("equals the generator's words for (block, step, module, stream + 256 shard), 16 bits per element", () => {
    const words = new Uint32Array(4);
    philox4x32([1, 17, hashName(module), 3 + 256 * 3], [5, 256], words);
    const draws = [...words].flatMap((word) => [word & 0xffff, word >>> 16]);
    expect([...dropoutMask(key, module, 0.25, 16).subarray(8)]).toEqual(draws.map((draw) => (draw >= 16384 ? 1 : 0)));
  });

  it.each([0.05, 0.5, 0.9])("drops %d of the elements", (probability) => {
    const size = 1 << 18;
    const kept = dropoutMask(key, module, probability, size).reduce((sum, keep) => sum + keep, 0);
    const deviation = Math.sqrt(size * probability * (1 - probability));
    expect(Math.abs(kept - size * (1 - probability))).toBeLessThan(5 * deviation);
  });
});

describe.each(engineNames)("%s: training with dropout", (engine) => {
  it("gradients match the loss with the same elements dropped", async () => {
    await withGolden(
      "qwen3",
      async (trainable, golden) => {
        const batch = collate(few(golden.rows));
        const { layout } = trainable;
        const parameters = await golden.startingAdapter(layout);
        const gradient = new Float32Array(layout.size);
        const unused = new Float32Array(layout.size);
        await trainable.gradients(batch, gradient, key);
        // Along a direction that all parameters take part in: (f(p + hd) - f(p - hd)) / 2h = gradient . d
        const direction = parameters.map((_, i) => Math.sin(i * 1.7));
        const step = 2e-3;
        const lossAt = async (scale: number): Promise<number> => {
          await trainable.setParameters(parameters.map((value, i) => value + scale * direction[i]!));
          return (await trainable.gradients(batch, unused, key)).lossSum;
        };
        const difference = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
        const slope = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
        expect(difference / slope).toBeCloseTo(1, 2);
      },
      { dropout: 0.2, engine },
    );
  });

  it("is off without a key, and differs from step to step", async () => {
    await withGolden(
      "llama",
      async (trainable, golden) => {
        const batch = collate(few(golden.rows));
        const into = new Float32Array(trainable.layout.size);
        const plain = await trainable.gradients(batch, into);
        expect(plain).toEqual(await trainable.loss(batch));
        const dropped = await trainable.gradients(batch, into, key);
        const next = await trainable.gradients(batch, into, { ...key, step: 18 });
        expect(dropped.lossSum).not.toBe(plain.lossSum);
        expect(next.lossSum).not.toBe(dropped.lossSum);
        expect((await trainable.gradients(batch, into, key)).lossSum).toBe(dropped.lossSum);
      },
      { dropout: 0.2, engine },
    );
  });
});

it.each(["qwen3", "gpt2-packed", "phi3"] as const)("%s: the engines drop the same elements", async (name) => {
  const results: { lossSum: number; gradient: Float32Array }[] = [];
  for (const engine of comparedEngines) {
    await withGolden(
      name,
      async (trainable, golden) => {
        const gradient = new Float32Array(trainable.layout.size);
        const { lossSum } = await trainable.gradients(collate(few(golden.rows)), gradient, key);
        results.push({ lossSum, gradient });
      },
      { dropout: 0.3, engine },
    );
  }
  const [onnx, tfjs] = results;
  expect(tfjs!.lossSum / onnx!.lossSum).toBeCloseTo(1, 6);
  expect(relativeDifference(tfjs!.gradient, onnx!.gradient)).toBeLessThan(1e-5);
});
