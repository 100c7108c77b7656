import { beforeAll, describe, expect, it } from "vitest";
import type { Row } from "../../../src/data/row.js";
import { adapterScale, compile, numbers, type Operation } from "../../support/compute/operations.js";
import { engineNames, onWebgpu } from "../../support/compute/devices.js";
import { keepWebgpuOpen } from "../../support/compute/webgpu.js";
import { relativeDifference } from "../../support/allclose.js";

/** Rows of 5 and 6 places; the second has two examples, the first some padding. */
const rows: Row[] = [
  { inputIds: Int32Array.of(3, 1, 2, 3, 1), labels: Int32Array.of(1, 1, 1, 1, 1), segments: [5] },
  { inputIds: Int32Array.of(2, 0, 1, 1, 3, 2), labels: Int32Array.of(1, 1, 1, 1, 1, 1), segments: [2, 4] },
];
const tokens = 12;
const linear = (path: string, inFeatures: number, outFeatures: number, bias: boolean) => ({
  path,
  inFeatures,
  outFeatures,
  bias,
});
const heads = { layer: 0, heads: 4, keyValueHeads: 2, headDim: 4, scale: 0.5 };

const operations: Record<string, { readonly operation: Operation; readonly features: number }> = {
  "linear without adapters": {
    operation: {
      rows,
      inputs: { x: 4 },
      weights: { "q.weight": [5, 4], "q.bias": [5], "k.weight": [5, 4] },
      build: (ops, { x }) => {
        const [q, k] = ops.project(x!, [linear("q", 4, 5, true), linear("k", 4, 5, false)]);
        return ops.add(q, k);
      },
    },
    features: 5,
  },
  "linear with adapters on some of three layers": {
    operation: {
      rows,
      inputs: { x: 4 },
      adapters: { q: [4, 5], v: [4, 5] },
      weights: { "q.weight": [5, 4], "q.bias": [5], "k.weight": [5, 4], "v.weight": [5, 4] },
      build: (ops, { x }) => {
        const [q, k, v] = ops.project(x!, [
          linear("q", 4, 5, true),
          linear("k", 4, 5, false),
          linear("v", 4, 5, false),
        ]);
        return ops.add(ops.swiGlu(q, k), v);
      },
    },
    features: 5,
  },
  "rms norm": {
    operation: {
      rows,
      inputs: { x: 6 },
      weights: { norm: [6] },
      build: (ops, { x }) => ops.rmsNorm(x!, { weight: "norm", width: 6, groups: 1, epsilon: 0.05 }),
    },
    features: 6,
  },
  "rms norm of heads": {
    operation: {
      rows,
      inputs: { x: 12 },
      weights: { norm: [4] },
      build: (ops, { x }) => ops.rmsNorm(x!, { weight: "norm", width: 4, groups: 3, epsilon: 0.05 }),
    },
    features: 12,
  },
  "rms norm recomputed for a linear layer's adapter": {
    operation: {
      rows,
      inputs: { x: 6 },
      adapters: { q: [6, 3] },
      weights: { norm: [6], "q.weight": [3, 6] },
      build: (ops, { x }) =>
        ops.project(ops.rmsNorm(x!, { weight: "norm", width: 6, groups: 1, epsilon: 0.05 }), [
          linear("q", 6, 3, false),
        ])[0],
    },
    features: 3,
  },
  swiGlu: {
    operation: { rows, inputs: { gate: 5, up: 5 }, build: (ops, { gate, up }) => ops.swiGlu(gate!, up!) },
    features: 5,
  },
  "swiGlu recomputed for a linear layer's adapter": {
    operation: {
      rows,
      inputs: { gate: 5, up: 5 },
      adapters: { down: [5, 3] },
      weights: { "down.weight": [3, 5] },
      build: (ops, { gate, up }) => ops.project(ops.swiGlu(gate!, up!), [linear("down", 5, 3, false)])[0],
    },
    features: 3,
  },
  rotary: {
    operation: {
      rows,
      inputs: { x: 8 },
      build: (ops, { x }) => ops.rotary(x!, 2, { inverseFrequencies: Float32Array.of(1, 0.1), attentionFactor: 1 }),
    },
    features: 8,
  },
  attention: {
    operation: {
      rows,
      inputs: { q: 16, k: 8, v: 8 },
      build: (ops, { q, k, v }) => ops.attention(q!, k!, v!, { ...heads, window: null }),
    },
    features: 16,
  },
  "attention in a window": {
    operation: {
      rows,
      inputs: { q: 16, k: 8, v: 8 },
      build: (ops, { q, k, v }) => ops.attention(q!, k!, v!, { ...heads, window: 2 }),
    },
    features: 16,
  },
  "add of a value to itself": {
    operation: {
      rows,
      inputs: { x: 3, y: 3 },
      build: (ops, { x, y }) => {
        const value = ops.swiGlu(x!, y!);
        return ops.add(ops.add(value, value), value);
      },
    },
    features: 3,
  },
  block: {
    operation: {
      rows,
      inputs: { x: 6 },
      adapters: { q: [6, 6] },
      weights: { norm: [6], "q.weight": [6, 6] },
      build: (ops, { x }) => {
        const layer = (input: NonNullable<typeof x>) => {
          const normed = ops.rmsNorm(input, { weight: "norm", width: 6, groups: 1, epsilon: 0.05 });
          return ops.add(input, ops.project(normed, [linear("q", 6, 6, false)])[0]);
        };
        return ops.block(ops.block(x!, layer), (input) => ops.swiGlu(input, input));
      },
    },
    features: 6,
  },
};
const { block, attention, "attention in a window": windowed } = operations;
operations["attention in blocks"] = { ...attention!, operation: { ...attention!.operation, attentionBlocks: 3 } };
operations["attention in blocks and a window"] = {
  ...windowed!,
  operation: { ...windowed!.operation, attentionBlocks: 3 },
};
operations["block, recomputed"] = { ...block!, operation: { ...block!.operation, checkpointing: true } };

if (onWebgpu) beforeAll(keepWebgpuOpen);

describe.each(engineNames)("%s: a gradient is not the slope of its operation", (engine) => {
  it.each(Object.entries(operations))("%s", async (_, { operation, features }) => {
    const compiled = await compile(engine, operation, features);
    const coefficients = numbers(tokens * features, 9);
    const point = Object.fromEntries(Object.entries(compiled.sizes).map(([name, size], i) => [name, numbers(size, i)]));
    // Slopes take hundreds of runs, too many for a driver in software: they are those of the same function on the CPU.
    const compared = onWebgpu ? await compile("onnx", operation, features) : compiled;
    const value = async (at: Record<string, Float32Array>): Promise<number> =>
      (await compared.outputAt(at)).reduce((sum, y, i) => sum + y * coefficients[i]!, 0);
    const { output, gradients } = await compiled.at(point, coefficients);
    expect(relativeDifference(output, await compared.outputAt(point))).toBeLessThan(1e-5);
    const step = 2e-2;
    for (const [name, size] of Object.entries(compiled.sizes)) {
      const slopes = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        const moved = (by: number) => ({ ...point, [name]: point[name]!.map((x, at) => (at === i ? x + by : x)) });
        slopes[i] = ((await value(moved(step))) - (await value(moved(-step)))) / (2 * step);
      }
      expect(Math.max(...slopes.map(Math.abs))).toBeGreaterThan(1e-2);
      expect(relativeDifference(gradients[name]!, slopes), name).toBeLessThan(2e-3);
    }
    if (compared !== compiled) await compared.close();
    await compiled.close();
  });
});

describe.each(engineNames)("%s: an operation computes something else than its formula", (engine) => {
  it("linear: x W^T + bias + scale B A x", async () => {
    const { operation } = operations["linear with adapters on some of three layers"]!;
    const weights = { "q.weight": [5, 4], "q.bias": [5] };
    const only: Operation = {
      ...operation,
      weights,
      adapters: { q: [4, 5] },
      build: (ops, { x }) => ops.project(x!, [linear("q", 4, 5, true)])[0],
    };
    const compiled = await compile(engine, only, 5);
    const point = { x: numbers(48, 1), "q.A": numbers(8, 2), "q.B": numbers(10, 3) };
    const { output } = await compiled.at(point, numbers(60, 4));
    const [w, bias] = [numbers(20, 50), numbers(5, 51)];
    const expected = Float64Array.from({ length: 60 }, (_, at) => {
      const [t, o] = [Math.floor(at / 5), at % 5];
      let y = bias[o]!;
      for (let i = 0; i < 4; i++) {
        let delta = 0;
        for (let r = 0; r < 2; r++) delta += point["q.B"][o * 2 + r]! * point["q.A"][r * 4 + i]!;
        y += point.x[t * 4 + i]! * (w[o * 4 + i]! + adapterScale * delta);
      }
      return y;
    });
    expect(relativeDifference(output, expected)).toBeLessThan(1e-6);
    await compiled.close();
  });

  it.each([1, 2, 3, 6])("attention in %d blocks: softmax over what each token may see", async (attentionBlocks) => {
    const window = 2;
    const compiled = await compile(engine, { ...windowed!.operation, attentionBlocks }, 16);
    const point = { q: numbers(192, 1), k: numbers(96, 2), v: numbers(96, 3) };
    const { output } = await compiled.at(point, numbers(192, 4));
    // [row, place] of each token's example, as in `rows`: 5 places and padding; 2 places, then 4.
    const example = [0, 0, 0, 0, 0, -1, 0, 0, 1, 1, 1, 1];
    const expected = Float64Array.from({ length: 192 }, (_, at) => {
      const [t, head, d] = [Math.floor(at / 16), Math.floor((at % 16) / 4), at % 4];
      const shared = Math.floor(head / 2);
      let [sum, mixed] = [0, 0];
      for (let s = t - (t % 6); s <= t; s++) {
        if (example[s] !== example[t] || t - s >= window) continue;
        let score = 0;
        for (let i = 0; i < 4; i++) score += point.q[t * 16 + head * 4 + i]! * point.k[s * 8 + shared * 4 + i]!;
        const p = Math.exp(0.5 * score);
        sum += p;
        mixed += p * point.v[s * 8 + shared * 4 + d]!;
      }
      return mixed / sum;
    });
    expect(relativeDifference(output, expected)).toBeLessThan(1e-6);
    await compiled.close();
  });
});
