import { describe, expect, it } from "vitest";
import { hashName, philox4x32, streams } from "../../../src/math/philox.js";
import { initialParameters, loraLayout, type LinearModule } from "../../../src/model/index.js";

const settings = { r: 4, alpha: 8, dropout: 0, targetModules: "all-linear", useRslora: false } as const;
const q: LinearModule = { path: "model.layers.0.self_attn.q_proj", inFeatures: 100, outFeatures: 6 };
const k: LinearModule = { path: "model.layers.0.self_attn.k_proj", inFeatures: 100, outFeatures: 3 };
const up: LinearModule = { path: "model.layers.0.mlp.up_proj", inFeatures: 2500, outFeatures: 5 };

describe("the same seed gives the same initial adapter", () => {
  it("whichever other modules are adapted", () => {
    const all = loraLayout(settings, [q, k, up]);
    const alone = loraLayout(settings, [k]);
    const offset = all.tensors.find(({ module }) => module === k.path)!.offset;
    expect(initialParameters(all, 7).subarray(offset, offset + alone.size)).toEqual(initialParameters(alone, 7));
  });

  it("and another seed or module gives another one", () => {
    const layout = loraLayout(settings, [q, k]);
    const [one, two] = [initialParameters(layout, 7), initialParameters(layout, 8)];
    expect(one).not.toEqual(two);
    const second = layout.tensors.find(({ module }) => module === k.path)!.offset;
    expect(one.subarray(0, 400)).not.toEqual(one.subarray(second, second + 400));
  });

  it("by the documented draw: words of Philox for the seed, the module's name and the stream", () => {
    const flat = initialParameters(loraLayout(settings, [q]), 2 ** 40 + 5);
    const words = new Uint32Array(8);
    for (const counter of [0, 1]) {
      philox4x32([counter, hashName(q.path), 0, streams.loraInit], [5, 256], words, counter * 4);
    }
    const expected = [...words].map((word) => Math.fround(((2 * (word >>> 8)) / 0x1000000 - 1) * 0.1));
    expect([...flat.subarray(0, 8)]).toEqual(expected);
  });
});

describe("the initial adapter is PEFT's: kaiming-uniform A, zero B", () => {
  it("B is zero, so the model starts as the base model", () => {
    const layout = loraLayout(settings, [q, up]);
    const flat = initialParameters(layout, 1);
    for (const { part, offset, shape } of layout.tensors) {
      const nonZero = flat.subarray(offset, offset + shape[0] * shape[1]).filter((value) => value !== 0).length;
      if (part === "B") expect(nonZero).toBe(0);
      else expect(nonZero).toBeGreaterThan(shape[0] * shape[1] - 5);
    }
  });

  it("A fills (-1/sqrt(in), 1/sqrt(in)) evenly", () => {
    const flat = initialParameters(loraLayout(settings, [up]), 3).subarray(0, 10_000);
    const bound = 1 / 50;
    const mean = flat.reduce((sum, value) => sum + value, 0) / flat.length;
    const variance = flat.reduce((sum, value) => sum + value * value, 0) / flat.length;
    expect(Math.max(...flat)).toBeLessThan(bound);
    expect(Math.max(...flat)).toBeGreaterThan(bound * 0.999);
    expect(Math.min(...flat)).toBeGreaterThanOrEqual(-bound);
    expect(Math.min(...flat)).toBeLessThan(-bound * 0.999);
    // Five standard errors of a uniform's mean and variance.
    expect(Math.abs(mean)).toBeLessThan((5 * bound) / Math.sqrt(3 * 10_000));
    expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan(5 * Math.sqrt(0.8 / 10_000));
  });
});
