import { describe, expect, it } from "vitest";
import type { Trainable } from "../../../src/compute/engine.js";
import { collate, type Row } from "../../../src/data/row.js";
import { engineNames, onWebgpu } from "../../support/compute/devices.js";
import { withGolden } from "../../support/compute/engine.js";
import type { Golden } from "../../support/compute/golden.js";
import { relativeDifference } from "../../support/allclose.js";

const ones = (length: number): Uint8Array => new Uint8Array(length).fill(1);

/** Logits after the last token of one sequence, without a cache. */
async function logitsAfter(trainable: Trainable, ids: Int32Array): Promise<Float32Array> {
  const decoder = await trainable.decoder(1);
  const logits = await decoder.feed(ids, ones(ids.length), ids.length);
  await decoder.close();
  return logits;
}

/** -log softmax(logits)[target] */
function lossOf(logits: Float32Array, target: number): number {
  const highest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const sum = logits.reduce((total, value) => total + Math.exp(value - highest), 0);
  return highest + Math.log(sum) - logits[target]!;
}

const models = onWebgpu
  ? (["qwen3-yarn-sharded"] as const)
  : ([
      "llama",
      "mistral-sliding",
      "qwen3-yarn-sharded",
      "qwen2-linear-window",
      "phi3",
      "gemma2-packed",
      "gemma3",
      "gpt2-packed",
    ] as const);

describe.each(engineNames.flatMap((engine) => models.map((name) => [engine, name] as const)))(
  "%s, %s",
  (engine, name) => {
    const open = (use: (trainable: Trainable, golden: Golden) => Promise<void>): Promise<void> =>
      withGolden(name, use, { engine });

    it("generation gives the logits of training", async () => {
      await open(async (trainable, { rows }) => {
        const [{ inputIds: ids }] = rows.toSorted((a, b) => b.inputIds.length - a.inputIds.length) as [Row, ...Row[]];
        let total = 0;
        for (let length = 1; length < ids.length; length++) {
          total += lossOf(await logitsAfter(trainable, ids.subarray(0, length)), ids[length]!);
        }
        const { lossSum } = await trainable.loss(collate([{ inputIds: ids, labels: ids, segments: [ids.length] }]));
        expect(total / lossSum).toBeCloseTo(1, 5);
      });
    });

    it("logits with a cache equal logits without one", async () => {
      await open(async (trainable, { rows }) => {
        const ids = rows.find((row) => row.inputIds.length > 20)!.inputIds;
        const decoder = await trainable.decoder(1);
        await decoder.feed(ids.slice(0, 9), ones(9), 9);
        for (let at = 9; at < 20; at++) {
          const logits = await decoder.feed(ids.slice(at, at + 1), ones(1), 1);
          expect(relativeDifference(logits, await logitsAfter(trainable, ids.subarray(0, at + 1)))).toBeLessThan(2e-5);
        }
        await decoder.close();
      });
    });

    it("sequences of unequal length in a batch are independent", async () => {
      await open(async (trainable, { rows }) => {
        const sequences = [
          rows[1]!.inputIds.slice(0, 12),
          rows[2]!.inputIds.slice(0, 5),
          rows[3]!.inputIds.slice(0, 9),
        ];
        const width = 12;
        const ids = new Int32Array(3 * width);
        const valid = new Uint8Array(3 * width);
        sequences.forEach((sequence, row) => {
          ids.set(sequence, row * width + width - sequence.length);
          valid.fill(1, row * width + width - sequence.length, (row + 1) * width);
        });
        const decoder = await trainable.decoder(3);
        const compare = async (logits: Float32Array): Promise<void> => {
          const vocabulary = logits.length / 3;
          for (const [row, sequence] of sequences.entries()) {
            const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
            expect(relativeDifference(own, await logitsAfter(trainable, sequence))).toBeLessThan(2e-5);
          }
        };
        await compare(await decoder.feed(ids, valid, width));
        // One row has ended: it gets padding from here on, and the others go on undisturbed.
        const next = Int32Array.of(7, 0, 9);
        sequences[0] = Int32Array.from([...sequences[0]!, 7]);
        sequences[2] = Int32Array.from([...sequences[2]!, 9]);
        const logits = await decoder.feed(next, Uint8Array.of(1, 0, 1), 1);
        const vocabulary = logits.length / 3;
        for (const row of [0, 2]) {
          const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
          expect(relativeDifference(own, await logitsAfter(trainable, sequences[row]!))).toBeLessThan(2e-5);
        }
        expect(logits.every(Number.isFinite)).toBe(true);
        await decoder.close();
      });
    });
  },
);

it.each(engineNames)("%s: refuses a token outside the vocabulary", async (engine) => {
  await withGolden(
    "llama",
    async (trainable) => {
      await expect(logitsAfter(trainable, Int32Array.of(3, 512))).rejects.toThrow(
        /token id 512 is outside the model's vocabulary of 512/,
      );
      const row = { inputIds: Int32Array.of(3, 4), labels: Int32Array.of(3, 600), segments: [2] };
      await expect(trainable.loss(collate([row]))).rejects.toThrow(/token id 600/);
    },
    { engine },
  );
});
