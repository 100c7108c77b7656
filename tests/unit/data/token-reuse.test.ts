import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTokenStore, dataOf, Duplicates } from "../../../src/data/index.js";
import type { TokenStoreOptions } from "../../../src/data/index.js";
import { tokenizer } from "./stores.js";
import { dataSettings } from "./support.js";

let folder: string;
let train: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-reuse-"));
  train = join(folder, "train.jsonl");
  // Tokens are read fast.
  const line = (index: number): string =>
    JSON.stringify({ input_ids: Array.from({ length: 100 }, (_, at) => 100 + ((index + at * at) % 900)), extra: 1 });
  const lines = Array.from({ length: 22_000 }, (_, index) => line(index));
  writeFileSync(train, `${lines.join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const told: string[] = [];
async function build(more: Partial<TokenStoreOptions> = {}) {
  told.length = 0;
  const cacheDir = join(folder, "cache");
  const onWarning = (text: string): number => told.push(text);
  return buildTokenStore({ source: train, data: dataSettings, tokenizer, cacheDir, onWarning, ...more });
}
const kept = (): number => readdirSync(join(folder, "cache", "tokens")).length;

describe("tokens of large data", () => {
  it("are those that are made in memory, and are told about in the same way", async () => {
    const memory = await build({ cacheDir: undefined });
    const notes = [...told];
    const disk = await build();
    expect(told).toEqual(notes);
    expect(notes.join()).toMatch(/"extra" \(22000 of 22000 examples\)/);
    expect(disk.fingerprint).toBe(memory.fingerprint);
    expect(disk.statistics).toEqual(memory.statistics);
    expect(disk.row(21_999)).toEqual(memory.row(21_999));
  });

  it("are reused by a later start, which says so and repeats the notes", async () => {
    const first = await build();
    const notes = told.filter((text) => !text.includes("an earlier start"));
    const again = await build();
    expect(told).toEqual([expect.stringContaining("the tokens of an earlier start are used"), ...notes]);
    expect(again.fingerprint).toBe(first.fingerprint);
    expect(kept()).toBe(1);
  });

  it("are made anew for other settings and for other data", async () => {
    const before = kept();
    const packed = await build({ data: { ...dataSettings, packing: true } });
    expect(packed.statistics.rows).toBeLessThan(22_000);
    expect(packed.fingerprint).toBe(
      (await build({ cacheDir: undefined, data: { ...dataSettings, packing: true } })).fingerprint,
    );
    appendFileSync(train, `${JSON.stringify({ input_ids: [7, 8, 9] })}\n`);
    expect((await build()).statistics.examples).toBe(22_001);
    expect(kept()).toBe(before + 2);
  });

  it("know which examples they are, so that copies in the evaluation data are found", async () => {
    const evaluation = join(folder, "eval.jsonl");
    writeFileSync(evaluation, `${JSON.stringify({ input_ids: [7, 8, 9] })}\n`);
    const data = dataOf({ seed: 1, data: { train, eval: evaluation } });
    for (const start of ["first", "second"]) {
      const duplicates = new Duplicates();
      await build({ source: data.training, onExample: duplicates.train });
      expect(told.some((text) => text.includes("earlier start"))).toBe(start === "second");
      await build({ source: data.evaluation!, onExample: duplicates.evaluate });
      expect(duplicates.note()).toMatch(/^1 of 1 evaluation examples are also training examples/);
    }
  });

  it("leave nothing in the cache when the data are refused", async () => {
    const before = kept();
    appendFileSync(train, "{broken\n");
    await expect(build()).rejects.toThrow("train.jsonl:22002: not JSON");
    expect(kept()).toBe(before);
  });
});
