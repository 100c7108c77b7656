import { describe, expect, it } from "vitest";
import { planBatches } from "../../../src/generation/batches.js";
import { generate } from "../../../src/generation/generate.js";
import type { Generation } from "../../../src/generation/sequence.js";
import { ToyModel } from "./toy-model.js";

const stop = 9;

/** Counts up from the last token; 9 stops. A history of 12 tokens gives 9 whatever was last. */
const counting = (): ToyModel =>
  new ToyModel({ vocabulary: 10, next: (history) => (history.length >= 12 ? stop : (history.at(-1)! + 1) % 10) });

const prompts = [[5], [1, 2, 3], [0, 0, 0, 0, 7], [2, 2], [4, 4, 4, 4, 4, 4, 4, 8], [6]].map((ids) =>
  Int32Array.from(ids),
);

const plain = ({ tokens, finish, stopId }: Generation) => ({ tokens: Array.from(tokens), finish, stopId });

describe("generation", () => {
  it("continues the prompt and omits the stop token", async () => {
    const [one] = await generate(counting(), [Int32Array.of(1, 5)], { maxNewTokens: 20, stopIds: [stop] });
    expect(plain(one!)).toEqual({ tokens: [6, 7, 8], finish: "stop", stopId: stop });
  });

  it("stops at any of the stop tokens", async () => {
    const [one] = await generate(counting(), [Int32Array.of(1, 5)], { maxNewTokens: 20, stopIds: [stop, 7] });
    expect(plain(one!)).toEqual({ tokens: [6], finish: "stop", stopId: 7 });
  });

  it("may give an empty answer", async () => {
    const [one] = await generate(counting(), [Int32Array.of(8)], { maxNewTokens: 20, stopIds: [stop] });
    expect(plain(one!)).toEqual({ tokens: [], finish: "stop", stopId: stop });
  });

  it("distinguishes a limit from the end of the model's context", async () => {
    const options = { stopIds: [], maxNewTokens: 3 };
    const [limited] = await generate(counting(), [Int32Array.of(1)], { ...options, contextLength: 4 });
    expect(plain(limited!)).toEqual({ tokens: [2, 3, 4], finish: "length", stopId: null });
    const [full] = await generate(counting(), [Int32Array.of(1)], { ...options, contextLength: 3 });
    expect(plain(full!)).toEqual({ tokens: [2, 3], finish: "context", stopId: null });
  });

  it("rejects a prompt that fills the context, and an empty one, before computing anything", async () => {
    const model = counting();
    const options = { maxNewTokens: 3, stopIds: [], contextLength: 3 };
    const long = generate(model, [Int32Array.of(1), Int32Array.of(1, 2, 3)], options);
    await expect(long).rejects.toThrow(/prompt 2 has 3 tokens, but the model has 3 positions/);
    await expect(generate(model, [new Int32Array()], options)).rejects.toThrow(/prompt 1 is empty/);
    await expect(generate(model, prompts, { ...options, maxNewTokens: 0 })).rejects.toThrow(/max-new-tokens is 0/);
    expect(model.opened).toEqual([]);
  });

  it("does nothing without prompts", async () => {
    expect(await generate(counting(), [], { maxNewTokens: 3, stopIds: [] })).toEqual([]);
  });
});

describe("answers don't depend on the batch", () => {
  const settings = [
    ["greedy", { temperature: 0, topP: 1, topK: 0 }],
    ["sampled", { temperature: 1.5, topP: 0.9, topK: 6 }],
  ] as const;

  it.each(settings)(
    "%s: batches of any size give the same answers as single prompts, in order",
    async (_, sampling) => {
      const options = { maxNewTokens: 7, stopIds: [stop], sampling, seed: 3 };
      const alone = await generate(counting(), prompts, { ...options, batchSize: 1 });
      expect(new Set(alone.map(({ tokens }) => tokens.length)).size).toBeGreaterThan(1);
      for (const batchSize of [2, 4, 50]) {
        const together = await generate(counting(), prompts, { ...options, batchSize });
        expect(together.map(plain)).toEqual(alone.map(plain));
      }
    },
  );

  it("sampled text differs between seeds and between equal prompts, and is reproducible with the same seed", async () => {
    const same = Array.from({ length: 6 }, () => Int32Array.of(3));
    const sample = async (seed: number) =>
      (
        await generate(counting(), same, {
          maxNewTokens: 8,
          stopIds: [],
          sampling: { temperature: 5, topP: 1, topK: 0 },
          seed,
        })
      ).map(plain);
    const first = await sample(1);
    expect(await sample(1)).toEqual(first);
    expect(await sample(2)).not.toEqual(first);
    expect(new Set(first.map(({ tokens }) => tokens.join())).size).toBe(6);
  });
});

describe("work", () => {
  it("ends a batch with its last sequence and closes every decoder", async () => {
    const model = counting();
    await generate(model, prompts, { maxNewTokens: 20, stopIds: [stop], batchSize: 2 });
    expect(model.opened).toEqual([2, 2, 2]);
    expect(model.closed).toBe(3);
    // Prompts [5] and [6]: 6, 7, 8, then stop: the prompt's feed and three more.
    expect(model.feeds.slice(0, 4)).toEqual([2, 2, 2, 2].map((rows) => [rows, 1]));
    // Then [2, 2] and [1, 2, 3].
    expect(model.feeds[4]).toEqual([2, 3]);
  });

  it("closes the decoder when something fails", async () => {
    const model = counting();
    const failing = generate(model, prompts, {
      maxNewTokens: 5,
      stopIds: [],
      onToken: () => Promise.reject(new Error("the listener failed")),
    });
    await expect(failing).rejects.toThrow("the listener failed");
    expect([model.opened.length, model.closed]).toEqual([1, 1]);
  });

  it("reads a long prompt in pieces, padded on the left, to the same answer", async () => {
    const long = Int32Array.from({ length: 5000 }, (_, place) => (place * 7) % 10);
    const model = new ToyModel({
      vocabulary: 10,
      next: (history) => history.reduce((sum, id) => (sum * 3 + id) % 10, 0),
    });
    const [alone] = await generate(model, [long], { maxNewTokens: 4, stopIds: [] });
    expect(model.feeds.slice(0, 3)).toEqual([
      [1, 2048],
      [1, 2048],
      [1, 904],
    ]);
    const beside = await generate(model, [long.slice(0, 3), long], { maxNewTokens: 4, stopIds: [] });
    expect(plain(beside[1]!)).toEqual(plain(alone!));
  });

  it("reports each token as it is generated, and counts finished sequences", async () => {
    const seen: (readonly [number, number])[] = [];
    const finished: number[] = [];
    const options = { maxNewTokens: 20, stopIds: [stop], onFinished: (count: number) => finished.push(count) };
    await generate(counting(), [Int32Array.of(6), Int32Array.of(7)], {
      ...options,
      onToken: (sequence, token) => Promise.resolve(void seen.push([sequence, token])),
    });
    expect(seen).toEqual([
      [0, 7],
      [1, 8],
      [0, 8],
    ]);
    expect(finished).toEqual([1, 2]);
  });
});

describe("batches", () => {
  const options = { batchSize: 3, maxNewTokens: 10, maxCacheTokens: 1000 };

  it("contain prompts of similar lengths", () => {
    expect(planBatches([9, 1, 5, 1, 7], options)).toEqual([
      [1, 3, 2],
      [4, 0],
    ]);
  });

  it("contain only as many long prompts as fit in the cache, but at least one", () => {
    // 3 x (90 + 10) = 300 fits; 2 x (490 + 10) = 1000 fits; the next makes 1500; 1 x 5010 doesn't, and stands alone.
    expect(planBatches([90, 90, 90, 490, 490, 490, 5000], options)).toEqual([[0, 1, 2], [3, 4], [5], [6]]);
  });
});
