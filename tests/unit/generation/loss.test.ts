import { describe, expect, it } from "vitest";
import { buildTokenStore, IGNORE, type Batch, type TokenStore } from "../../../src/data/index.js";
import { evaluateLoss } from "../../../src/generation/loss.js";
import { temporaryFile, tinyText } from "./support.js";

/** A token costs its id in nats, and the first row's is remembered. */
function costModel(): { loss: (batch: Batch) => Promise<{ lossSum: number; tokens: number }>; rows: number[] } {
  const rows: number[] = [];
  return {
    rows,
    loss: (batch) => {
      rows.push(batch.rows);
      const supervised = Array.from(batch.targets).filter((target) => target !== IGNORE);
      return Promise.resolve({ lossSum: supervised.reduce((sum, id) => sum + id, 0), tokens: supervised.length });
    },
  };
}

/** Rows with 1, 3 and 2 supervised tokens: 4; 1, 2, 3; 5, 9. */
async function store(): Promise<TokenStore> {
  const { tokenizer } = await tinyText();
  const source = await temporaryFile("eval.jsonl", [
    { input_ids: [7, 4], labels: [-100, 4] },
    { input_ids: [7, 1, 2, 3], labels: [-100, 1, 2, 3] },
    { input_ids: [7, 7, 5, 9], labels: [-100, -100, 5, 9] },
  ]);
  const data = {
    format: "auto",
    max_length: 16,
    packing: false,
    chat_template: null,
    chat_template_kwargs: {},
    turns: "all",
  } as const;
  return buildTokenStore({
    source,
    data: { ...data, assistant_only_loss: true, completion_only_loss: true },
    tokenizer,
  });
}

describe("evaluation loss", () => {
  it("is the mean over tokens, not over rows or batches", async () => {
    for (const batchSize of [1, 2, 8]) {
      const result = await evaluateLoss(costModel(), await store(), { batchSize });
      // (4 + 1 + 2 + 3 + 5 + 9) / 6; the mean of the rows' means would be 13 / 3.
      expect(result).toEqual({ loss: 4, perplexity: Math.exp(4), tokens: 6, rows: 3 });
    }
  });

  it("uses the first rows if there is a limit, and reports progress", async () => {
    const model = costModel();
    const told: [number, number][] = [];
    const onProgress = (done: number, rows: number): void => void told.push([done, rows]);
    const result = await evaluateLoss(model, await store(), { limit: 2, batchSize: 1, onProgress });
    expect(result).toMatchObject({ loss: 10 / 4, tokens: 4, rows: 2 });
    expect(told).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(model.rows).toEqual([1, 1]);
  });

  it("throws if it is not a number", async () => {
    const broken = { loss: () => Promise.resolve({ lossSum: Number.NaN, tokens: 3 }) };
    await expect(evaluateLoss(broken, await store())).rejects.toThrow(/the loss over 3 supervised tokens is NaN/);
  });
});
