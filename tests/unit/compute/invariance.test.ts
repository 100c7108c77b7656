import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Trainable } from "../../../src/compute/engine.js";
import { collate, type Batch, type Row } from "../../../src/data/row.js";
import { openModelFolder } from "../../../src/model/index.js";
import { engineNames, onWebgpu } from "../../support/compute/devices.js";
import { withGolden, withModel, type ModelSettings } from "../../support/compute/engine.js";
import type { Golden } from "../../support/compute/golden.js";
import { relativeDifference } from "../../support/allclose.js";

interface Gradient {
  readonly lossSum: number;
  readonly tokens: number;
  readonly values: Float32Array;
}

async function gradientOf(trainable: Trainable, batch: Batch): Promise<Gradient> {
  const values = new Float32Array(trainable.layout.size);
  return { ...(await trainable.gradients(batch, values)), values };
}

function expectClose(actual: Gradient, expected: Gradient): void {
  expect(actual.tokens).toBe(expected.tokens);
  expect(actual.lossSum / expected.lossSum).toBeCloseTo(1, 6);
  expect(relativeDifference(actual.values, expected.values)).toBeLessThan(5e-6);
}

/** Bit for bit, and without printing thousands of numbers when not. */
function expectSameBits(actual: Gradient, expected: Gradient): void {
  expect([actual.lossSum, actual.tokens]).toEqual([expected.lossSum, expected.tokens]);
  const bytes = ({ values }: Gradient): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  expect(bytes(actual).equals(bytes(expected))).toBe(true);
}

function pack(rows: readonly Row[]): Row {
  return {
    inputIds: Int32Array.from(rows.flatMap((row) => [...row.inputIds])),
    labels: Int32Array.from(rows.flatMap((row) => [...row.labels])),
    segments: rows.flatMap((row) => row.segments),
  };
}

function sum(parts: readonly Gradient[]): Gradient {
  const values = new Float32Array(parts[0]!.values.length);
  for (const part of parts) part.values.forEach((value, i) => (values[i]! += value));
  return {
    values,
    lossSum: parts.reduce((total, part) => total + part.lossSum, 0),
    tokens: parts.reduce((total, part) => total + part.tokens, 0),
  };
}

/** The last tokens of a row: enough for a driver in software. */
function ending({ inputIds, labels }: Row): Row {
  return { inputIds: inputIds.slice(-12), labels: labels.slice(-12), segments: [Math.min(12, inputIds.length)] };
}

const models = onWebgpu
  ? (["qwen3-yarn-sharded"] as const)
  : (["llama", "mistral-sliding", "qwen3-yarn-sharded", "phi3", "gemma2-packed", "gemma3", "gpt2-packed"] as const);

describe.each(engineNames.flatMap((engine) => models.map((name) => [engine, name] as const)))(
  "%s, %s",
  (engine, name) => {
    const open = <R>(
      use: (trainable: Trainable, golden: Golden) => Promise<R>,
      settings: ModelSettings = {},
    ): Promise<R> => {
      const using = (trainable: Trainable, golden: Golden): Promise<R> =>
        use(trainable, { ...golden, rows: onWebgpu ? golden.rows.slice(0, 4).map(ending) : golden.rows });
      return withGolden(name, using, { engine, ...settings });
    };

    it("packed examples do not see each other", async () => {
      await open(async (trainable, { rows }) => {
        const packed = collate([pack(rows.slice(0, 3)), pack(rows.slice(3))]);
        expectClose(await gradientOf(trainable, packed), await gradientOf(trainable, collate(rows)));
      });
    });

    it("padding and its content do not change the result", async () => {
      await open(async (trainable, { rows }) => {
        const batch = collate(rows);
        const wide = collate(rows, onWebgpu ? 32 : 96);
        expect(wide.length).toBeGreaterThan(batch.length);
        wide.segments.forEach((segment, i) => {
          if (segment === -1) wide.inputIds[i] = 1 + (i % 50);
        });
        expectClose(await gradientOf(trainable, wide), await gradientOf(trainable, batch));
      });
    });

    it("micro-batches add up to the batch", async () => {
      await open(async (trainable, { rows }) => {
        const parts: Gradient[] = [];
        for (const part of [rows.slice(0, 1), rows.slice(1, 3), rows.slice(3)]) {
          parts.push(await gradientOf(trainable, collate(part)));
        }
        expectClose(sum(parts), await gradientOf(trainable, collate(rows)));
      });
    });

    it("a loss in chunks equals the loss in one", async () => {
      const whole = await open((trainable, { rows }) => gradientOf(trainable, collate(rows)));
      for (const lossChunk of onWebgpu ? [7] : [1, 7, 50]) {
        const chunked = open((trainable, { rows }) => gradientOf(trainable, collate(rows)), { lossChunk });
        expectClose(await chunked, whole);
      }
    });

    it("gradient checkpointing keeps gradients", async () => {
      const gradients = (gradientCheckpointing: boolean): Promise<Gradient> =>
        open((trainable, { rows }) => gradientOf(trainable, collate(rows)), { gradientCheckpointing });
      expectSameBits(await gradients(true), await gradients(false));
    });

    it("the number of threads and earlier calls do not change bits", async () => {
      const results: Gradient[] = [];
      for (const threads of onWebgpu ? [1, 2] : [1, 2, 3, 4]) {
        await open(
          async (trainable, { rows }) => {
            const batch = collate(rows);
            results.push(await gradientOf(trainable, batch));
            await gradientOf(trainable, collate(rows.slice(2, 5)));
            await trainable.loss(collate(rows.slice(0, 1)));
            results.push(await gradientOf(trainable, batch));
          },
          { threads },
        );
      }
      for (const result of results) expectSameBits(result, results[0]!);
    });
  },
);

it.each(["qwen2", "mistral-sliding", "qwen3-yarn-sharded", "phi3", "gemma2-packed", "gpt2-packed"] as const)(
  "%s: weights widened in memory or in the graph give the same bits",
  async (name) => {
    const gradients = (residentBytes: number): Promise<Gradient> =>
      withGolden(name, (trainable, { rows }) => gradientOf(trainable, collate(rows)), { residentBytes });
    expectSameBits(await gradients(0), await gradients(2 ** 30));
  },
);

it("the number of threads does not change bits on the quickstart's model", async () => {
  const model = await openModelFolder(join(import.meta.dirname, "../../../examples/quickstart/model"));
  const lora = { r: 16, alpha: 32, dropout: 0, targetModules: "all-linear", useRslora: false } as const;
  const rows = Array.from({ length: 4 }, (_, row): Row => {
    const inputIds = Int32Array.from({ length: 150 - 8 * row }, (_, i) => (i * 37 + row * 101) % 2048);
    return { inputIds, labels: inputIds, segments: [inputIds.length] };
  });
  const results: Gradient[] = [];
  for (const threads of [1, 2, 3, 4]) {
    await withModel(
      model,
      lora,
      async (trainable) => {
        await trainable.setParameters(
          Float32Array.from({ length: trainable.layout.size }, (_, i) => 0.05 * Math.sin(i)),
        );
        results.push(await gradientOf(trainable, collate(rows)));
      },
      { threads },
    );
  }
  for (const result of results) expectSameBits(result, results[0]!);
});

it.each(engineNames)("%s: a batch without supervised tokens has no gradient", async (engine) => {
  await withGolden(
    "llama",
    async (trainable, { rows }) => {
      const batch = collate(rows);
      batch.targets.fill(-100);
      const gradient = new Float32Array(trainable.layout.size).fill(7);
      expect(await trainable.gradients(batch, gradient)).toEqual({ lossSum: 0, tokens: 0 });
      expect(gradient.every((value) => value === 0)).toBe(true);
      expect(await trainable.loss(batch)).toEqual({ lossSum: 0, tokens: 0 });
    },
    { engine },
  );
});
