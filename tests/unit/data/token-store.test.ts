/** Without this, a run trains on other tokens than its data, or resumes on other data unnoticed. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { buildTokenStore, IGNORE, openTokenizer } from "../../../src/data/index.js";
import { build, buildLines, rowsOf, supervisedText, tokenizer, type chat, type Settings } from "./stores.js";
import { dataSettings, inRepository, readJson } from "./support.js";

describe("the bundled quickstart data", () => {
  it("become 2,000 rows within seconds, with only answers supervised", async () => {
    const started = process.cpuUsage();
    const store = await build(inRepository("examples/quickstart/data/train.jsonl"));
    const { user, system } = process.cpuUsage(started);
    expect(store.statistics).toMatchObject({ examples: 2000, rows: 2000, truncated: 0 });
    // Processor time, which other processes disturb little: 0.55 s when warm, 1.2 s with compilation.
    expect((user + system) / 1e6).toBeLessThan(4);
    const lines = (await readFile(inRepository("examples/quickstart/data/train.jsonl"), "utf8")).trim().split("\n");
    const rows = rowsOf(store);
    for (const index of [0, 1, 777, 1999]) {
      const { messages } = JSON.parse(lines[index]!) as ReturnType<typeof chat>;
      expect(await supervisedText(rows[index]!)).toBe(`${messages[1]!.content}<|im_end|>`);
      expect(await tokenizer.decode(rows[index]!.ids)).toBe(
        messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join(""),
      );
    }
    const counted = rows.flatMap(({ labels }) => labels.slice(1)).filter((label) => label !== IGNORE).length;
    expect(store.statistics.supervisedTokens).toBe(counted);
    expect(store.statistics.tokens).toBe(rows.reduce((sum, { ids }) => sum + ids.length, 0));
  });
});

describe("tokens", () => {
  it("are kept unchanged, in the file's order", async () => {
    const file = inRepository("tests/golden/llama/train.jsonl");
    const golden = await openTokenizer(inRepository("tests/golden/llama/model"));
    const store = await buildTokenStore({ source: file, data: dataSettings, tokenizer: golden });
    const lines = (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number[]>);
    expect(rowsOf(store)).toEqual(
      lines.map(({ input_ids, labels }) => ({ ids: input_ids, labels, segments: [input_ids!.length] })),
    );
  });

  it("match the reference's count of supervised tokens", async () => {
    const expected = readJson(inRepository("tests/golden/llama/expected.json")) as {
      steps: { supervised_tokens: number }[];
    };
    const model = await openTokenizer(inRepository("tests/golden/llama/model"));
    const source = inRepository("tests/golden/llama/train.jsonl");
    const store = await buildTokenStore({ source, data: dataSettings, tokenizer: model });
    // 64 rows are the first 8 steps of 8.
    const epoch = expected.steps.slice(0, 8).reduce((sum, step) => sum + step.supervised_tokens, 0);
    expect(store.statistics.supervisedTokens).toBe(epoch);
  });
});

describe("packing", () => {
  it("puts complete examples in rows, in the file's order, and drops none", async () => {
    const file = inRepository("examples/quickstart/data/eval.jsonl");
    const single = rowsOf(await build(file));
    const store = await build(file, { packing: true, max_length: 256 });
    const packed = rowsOf(store);
    const parts = packed.flatMap(({ ids, labels, segments }) => {
      expect(ids.length).toBeLessThanOrEqual(256);
      let at = 0;
      return segments.map((length) => {
        at += length;
        return { ids: ids.slice(at - length, at), labels: labels.slice(at - length, at), segments: [length] };
      });
    });
    const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
    expect(sorted(parts)).toEqual(sorted(single));
    expect(parts[0]).toEqual(single[0]);
    expect(store.statistics).toMatchObject({ examples: 200, rows: packed.length });
    expect(packed.length).toBeLessThan(60);
    const counted = (await build(file)).statistics;
    expect(store.statistics.supervisedTokens).toBe(counted.supervisedTokens);
  });
});

describe("the fingerprint", () => {
  const lines = [{ input_ids: [5, 6, 7] }, { input_ids: [8, 9] }];
  const of = async (data: readonly unknown[], settings: Settings = {}): Promise<string> =>
    (await buildLines(data, settings)).fingerprint;

  it("is the same for the same rows, however the file writes them", async () => {
    const first = await of(lines);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await of(['{ "labels": [5,6,7], "input_ids": [5,6,7] }', "", lines[1]])).toBe(first);
  });

  it("changes with any id, label, boundary, order or packing", async () => {
    const fingerprints = await Promise.all([
      of(lines),
      of([{ input_ids: [5, 6, 8] }, lines[1]]),
      of([{ input_ids: [5, 6, 7], labels: [-100, 6, 7] }, lines[1]]),
      of([{ input_ids: [5, 6] }, { input_ids: [7, 8, 9] }]),
      of([lines[1], lines[0]]),
      of(lines, { packing: true }),
      of([lines[0]]),
    ]);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });
});

describe("a row index beyond the store", () => {
  it.each([-1, 2, 0.5])("rejects %d", async (index) => {
    const store = await buildLines([{ input_ids: [5, 6] }, { input_ids: [7, 8] }]);
    expect(() => store.row(index)).toThrow(RangeError);
  });
});
