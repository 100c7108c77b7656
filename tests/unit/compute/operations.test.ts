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
/** x Phi(x), with the tanh approximation of Hendrycks and Gimpel (2016). */
const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const heads = { layer: 0, heads: 4, keyValueHeads: 2, headDim: 4, scale: 0.5, softCap: null };

const slow = { inverseFrequencies: Float32Array.of(1, 0.1), attentionFactor: 1 };
const fast = { inverseFrequencies: Float32Array.of(2.5), attentionFactor: 1.25 };
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
      build: (ops, { x }) => ops.rmsNorm(x!, { weight: "norm", width: 6, groups: 1, epsilon: 0.05, offset: 0 }),
    },
    features: 6,
  },
  "rms norm of heads": {
    operation: {
      rows,
      inputs: { x: 12 },
      weights: { norm: [4] },
      build: (ops, { x }) => ops.rmsNorm(x!, { weight: "norm", width: 4, groups: 3, epsilon: 0.05, offset: 0 }),
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
        ops.project(ops.rmsNorm(x!, { weight: "norm", width: 6, groups: 1, epsilon: 0.05, offset: 0 }), [
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
  "linear, stored [in, out]": {
    operation: {
      rows,
      inputs: { x: 4 },
      adapters: { q: [4, 5] },
      weights: { "q.weight": [4, 5], "q.bias": [5], "k.weight": [4, 5], "k.bias": [5] },
      build: (ops, { x }) => {
        const turned = (path: string) => ({ ...linear(path, 4, 5, true), inputsFirst: true }) as const;
        const [q, k] = ops.project(x!, [turned("q"), turned("k")]);
        return ops.add(q, k);
      },
    },
    features: 5,
  },
  "layer norm": {
    operation: {
      rows,
      inputs: { x: 6 },
      weights: { weight: [6], bias: [6] },
      build: (ops, { x }) => ops.layerNorm(x!, { weight: "weight", bias: "bias", width: 6, epsilon: 0.05 }),
    },
    features: 6,
  },
  "layer norm recomputed for a linear layer's adapter": {
    operation: {
      rows,
      inputs: { x: 6 },
      adapters: { q: [6, 3] },
      weights: { weight: [6], bias: [6], "q.weight": [3, 6] },
      build: (ops, { x }) => {
        const normed = ops.layerNorm(x!, { weight: "weight", bias: "bias", width: 6, epsilon: 0.05 });
        return ops.project(normed, [linear("q", 6, 3, false)])[0];
      },
    },
    features: 3,
  },
  gelu: {
    operation: { rows, inputs: { x: 5 }, build: (ops, { x }) => ops.gelu(x!) },
    features: 5,
  },
  "gelu recomputed for a linear layer's adapter, beside positions": {
    operation: {
      rows,
      inputs: { x: 5 },
      adapters: { down: [5, 3] },
      weights: { "down.weight": [3, 5], table: [6, 5] },
      build: (ops, { x }) =>
        ops.project(ops.gelu(ops.add(x!, ops.positionEmbedding("table"))), [linear("down", 5, 3, false)])[0],
    },
    features: 3,
  },
  "rms norm of a weight around 0": {
    operation: {
      rows,
      inputs: { x: 12 },
      weights: { norm: [4] },
      build: (ops, { x }) => ops.rmsNorm(x!, { weight: "norm", width: 4, groups: 3, epsilon: 0.05, offset: 1 }),
    },
    features: 12,
  },
  geGlu: {
    operation: { rows, inputs: { gate: 5, up: 5 }, build: (ops, { gate, up }) => ops.geGlu(gate!, up!) },
    features: 5,
  },
  "geGlu recomputed for a linear layer's adapter": {
    operation: {
      rows,
      inputs: { gate: 5, up: 5 },
      adapters: { down: [5, 3] },
      weights: { "down.weight": [3, 5] },
      build: (ops, { gate, up }) => ops.project(ops.geGlu(gate!, up!), [linear("down", 5, 3, false)])[0],
    },
    features: 3,
  },
  scale: {
    operation: { rows, inputs: { x: 3 }, build: (ops, { x }) => ops.scale(x!, -1.7) },
    features: 3,
  },
  "split into columns": {
    operation: {
      rows,
      inputs: { x: 9 },
      build: (ops, { x }) => {
        const [a, b, c] = ops.split(x!, [4, 1, 4]);
        const [, , , d] = ops.split(ops.swiGlu(a, c), [1, 1, 1, 1]);
        return ops.add(b, d);
      },
    },
    features: 1,
  },
  rotary: {
    operation: { rows, rotaries: [slow], inputs: { x: 8 }, build: (ops, { x }) => ops.rotary(x!, 2, 4, slow) },
    features: 8,
  },
  "rotary of a part of each head, of two bases": {
    operation: {
      rows,
      rotaries: [slow, fast],
      inputs: { x: 12, y: 12 },
      build: (ops, { x, y }) => ops.add(ops.rotary(x!, 2, 6, slow), ops.rotary(y!, 2, 6, fast)),
    },
    features: 12,
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
  "attention with scores capped": {
    operation: {
      rows,
      inputs: { q: 16, k: 8, v: 8 },
      build: (ops, { q, k, v }) => ops.attention(q!, k!, v!, { ...heads, scale: 2, softCap: 0.8, window: 2 }),
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
          const normed = ops.rmsNorm(input, { weight: "norm", width: 6, groups: 1, epsilon: 0.05, offset: 0 });
          return ops.add(input, ops.project(normed, [linear("q", 6, 6, false)])[0]);
        };
        return ops.block(ops.block(x!, layer), (input) => ops.swiGlu(input, input));
      },
    },
    features: 6,
  },
};
const { block, attention, "attention in a window": windowed, "attention with scores capped": capped } = operations;
operations["attention in blocks"] = { ...attention!, operation: { ...attention!.operation, attentionBlocks: 3 } };
operations["attention in blocks and a window"] = {
  ...windowed!,
  operation: { ...windowed!.operation, attentionBlocks: 3 },
};
operations["attention in blocks with scores capped"] = {
  ...capped!,
  operation: { ...capped!.operation, attentionBlocks: 3 },
};
operations["block, recomputed"] = { ...block!, operation: { ...block!.operation, checkpointing: true } };

if (onWebgpu) beforeAll(keepWebgpuOpen);

describe.each(engineNames)("%s: gradients match finite differences", (engine) => {
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

describe.each(engineNames)("%s: operations match their formulas", (engine) => {
  const outputOf = async (operation: Operation, features: number): Promise<Float32Array> => {
    const compiled = await compile(engine, operation, features);
    const point = Object.fromEntries(Object.entries(compiled.sizes).map(([name, size], i) => [name, numbers(size, i)]));
    const output = await compiled.outputAt(point);
    await compiled.close();
    return output;
  };

  it("geGlu: gelu by tanh times the other", async () => {
    const { operation, features } = operations["geGlu"]!;
    const [gate, up] = [numbers(tokens * features, 0), numbers(tokens * features, 1)];
    const expected = Float64Array.from(gate, (x, i) => gelu(x) * up[i]!);
    expect(relativeDifference(await outputOf(operation, features), expected)).toBeLessThan(1e-6);
  });

  it("linear, stored [in, out]: x W + bias", async () => {
    const operation: Operation = {
      ...operations["linear, stored [in, out]"]!.operation,
      adapters: {},
      weights: { "q.weight": [4, 5], "q.bias": [5] },
      build: (ops, { x }) => ops.project(x!, [{ ...linear("q", 4, 5, true), inputsFirst: true }])[0],
    };
    const [x, w, bias] = [numbers(tokens * 4, 0), numbers(20, 50), numbers(5, 51)];
    const expected = Float64Array.from({ length: tokens * 5 }, (_, at) => {
      const [t, o] = [Math.floor(at / 5), at % 5];
      return [0, 1, 2, 3].reduce((sum, i) => sum + x[t * 4 + i]! * w[i * 5 + o]!, bias[o]!);
    });
    expect(relativeDifference(await outputOf(operation, 5), expected)).toBeLessThan(1e-6);
  });

  it("layer norm: deviations from the mean, times weight, plus bias", async () => {
    const { operation, features } = operations["layer norm"]!;
    const [x, weight, bias] = [numbers(tokens * features, 0), numbers(6, 50), numbers(6, 51)];
    const expected = Float64Array.from(x, (value, i) => {
      const group = x.subarray(i - (i % 6), i - (i % 6) + 6);
      const mean = group.reduce((sum, each) => sum + each, 0) / 6;
      const variance = group.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 6;
      return ((value - mean) / Math.sqrt(variance + 0.05)) * weight[i % 6]! + bias[i % 6]!;
    });
    expect(relativeDifference(await outputOf(operation, features), expected)).toBeLessThan(1e-6);
  });

  it("position embedding: the row of a token's position within its example", async () => {
    const operation: Operation = {
      rows,
      inputs: { x: 2 },
      weights: { table: [6, 2] },
      build: (ops, { x }) => ops.add(ops.scale(x!, 2), ops.positionEmbedding("table")),
    };
    const [x, table] = [numbers(tokens * 2, 0), numbers(12, 50)];
    const positions = [0, 1, 2, 3, 4, 0, 0, 1, 0, 1, 2, 3];
    const expected = Float64Array.from(
      x,
      (value, i) => 2 * value + table[positions[Math.floor(i / 2)]! * 2 + (i % 2)]!,
    );
    expect(relativeDifference(await outputOf(operation, 2), expected)).toBeLessThan(1e-6);
  });

  it("rms norm: weights around 0 are 1 more", async () => {
    const { operation, features } = operations["rms norm of a weight around 0"]!;
    const [x, weight] = [numbers(tokens * features, 0), numbers(4, 50)];
    const expected = Float64Array.from(x, (value, i) => {
      const group = x.subarray(i - (i % 4), i - (i % 4) + 4);
      const mean = group.reduce((sum, each) => sum + each * each, 0) / 4;
      return (value / Math.sqrt(mean + 0.05)) * (1 + weight[i % 4]!);
    });
    expect(relativeDifference(await outputOf(operation, features), expected)).toBeLessThan(1e-6);
  });

  it("rotary: what is not rotated of a head stays, each base has its own angles", async () => {
    const { operation, features } = operations["rotary of a part of each head, of two bases"]!;
    const [x, y] = [numbers(tokens * features, 0), numbers(tokens * features, 1)];
    const positions = [0, 1, 2, 3, 4, 0, 0, 1, 0, 1, 2, 3];
    const turned = (values: Float32Array, at: number, { inverseFrequencies, attentionFactor }: typeof slow): number => {
      const [token, i, half] = [Math.floor(at / 12), at % 6, inverseFrequencies.length];
      if (i >= 2 * half) return values[at]!;
      const angle = positions[token]! * inverseFrequencies[i % half]!;
      const other = i < half ? -values[at + half]! : values[at - half]!;
      return attentionFactor * (values[at]! * Math.cos(angle) + other * Math.sin(angle));
    };
    const expected = Float64Array.from(x, (_, at) => turned(x, at, slow) + turned(y, at, fast));
    expect(relativeDifference(await outputOf(operation, features), expected)).toBeLessThan(1e-6);
  });

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

  it.each([
    [1, null],
    [2, null],
    [3, null],
    [6, null],
    [3, 0.4],
  ])("attention in %d blocks, capped at %d: softmax over visible tokens", async (attentionBlocks, softCap) => {
    const window = 2;
    const operation: Operation = {
      ...windowed!.operation,
      attentionBlocks,
      build: (ops, { q, k, v }) => ops.attention(q!, k!, v!, { ...heads, window, softCap }),
    };
    const compiled = await compile(engine, operation, 16);
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
        const p = Math.exp(softCap === null ? 0.5 * score : softCap * Math.tanh((0.5 * score) / softCap));
        sum += p;
        mixed += p * point.v[s * 8 + shared * 4 + d]!;
      }
      return mixed / sum;
    });
    expect(relativeDifference(output, expected)).toBeLessThan(1e-6);
    await compiled.close();
  });
});
