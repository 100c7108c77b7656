/** Several sources: each example is used as often as its source's weight says, and no other source changes that. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { dataOf, readRecords, type DataInput } from "../../../../src/data/index.js";
import { blockOf, passesOf } from "../../../../src/data/sources/weight.js";
import { expectRejection } from "../matchers.js";
import { build, chat, rowsOf } from "../stores.js";
import { fileWith, folderWith } from "../support.js";

const numbers = (count: number, prefix = ""): { text: string }[] =>
  Array.from({ length: count }, (_, number) => ({ text: `${prefix}${number}` }));

async function textsOf(input: DataInput): Promise<string[]> {
  const texts: string[] = [];
  for await (const { value } of readRecords(input)) texts.push((value as { text: string }).text);
  return texts;
}

const run = (train: Parameters<typeof dataOf>[0]["data"]["train"], seed = 42): DataInput =>
  dataOf({ seed, data: { train, eval: null } }).training;

describe("a source", () => {
  it("of weight 2 is used twice per epoch, one pass after the other", async () => {
    const file = await fileWith(numbers(3));
    expect(await textsOf(run({ path: file, weight: 2 }))).toEqual(["0", "1", "2", "0", "1", "2"]);
  });

  it("of weight 2.5 is used twice, and half of it a third time", async () => {
    const texts = await textsOf(run({ path: await fileWith(numbers(100)), weight: 2.5 }));
    expect(texts).toHaveLength(250);
    expect(texts.slice(0, 200)).toEqual([...numbers(100), ...numbers(100)].map(({ text }) => text));
    expect(new Set(texts.slice(200)).size).toBe(50);
  });

  it("of weight 0.5 gives the same half for the same seed, whatever its examples say and what comes after them", async () => {
    const half = async (examples: readonly unknown[], seed?: number): Promise<number[]> =>
      (await textsOf(run({ path: await fileWith(examples), weight: 0.5 }, seed))).map((text) =>
        Number(/\d+/.exec(text)),
      );
    const chosen = await half(numbers(1000));
    expect(chosen).toHaveLength(500);
    expect(await half(numbers(1000, "other "))).toEqual(chosen);
    expect((await half(numbers(1010))).slice(0, 500)).toEqual(chosen);
    expect(await half(numbers(1000), 7)).not.toEqual(chosen);
    // Not every other example: the half is drawn.
    expect(chosen.filter((number) => number % 2 === 0).length).toBeGreaterThan(200);
    expect(chosen.filter((number) => number % 2 === 1).length).toBeGreaterThan(200);
  });

  it("with a limit is used from its first example on, across the files of a folder", async () => {
    const folder = await folderWith({ "a.jsonl": '{"text":"0"}\n{"text":"1"}\n', "b.csv": "text\n2\n3\n" });
    expect(await textsOf(run({ path: folder, limit: 3 }))).toEqual(["0", "1", "2"]);
    expect(await textsOf(run({ path: folder, limit: 3, weight: 2 }))).toEqual(["0", "1", "2", "0", "1", "2"]);
    expect(await textsOf(run({ path: folder, limit: 99 }))).toHaveLength(4);
  });

  it("has a format of its own, beside others", async () => {
    const store = await build([
      await fileWith([{ text: "plain" }]),
      await fileWith([chat("hi", "ho")]),
      await fileWith([{ prompt: "1 + 1 =", completion: " 2" }]),
    ]);
    expect(rowsOf(store)).toHaveLength(3);
    expect(store.statistics.sources?.map(({ examples }) => examples)).toEqual([1, 1, 1]);
  });

  it("is counted with its examples, tokens and supervised tokens, which add up to those of the data set", async () => {
    const [first, second] = [await fileWith([{ text: "one" }]), await fileWith([chat("hi", "ho"), chat("a", "b")])];
    const { statistics } = await build([{ path: first, weight: 3 }, second]);
    const [one, two] = statistics.sources ?? [];
    expect([one?.name, one?.examples, two?.name, two?.examples]).toEqual([first, 3, second, 2]);
    const sum = (of: "tokens" | "supervisedTokens"): number => (one?.[of] ?? 0) + (two?.[of] ?? 0);
    expect([sum("tokens"), sum("supervisedTokens")]).toEqual([statistics.tokens, statistics.supervisedTokens]);
    expect((await build(first)).statistics.sources).toBeUndefined();
  });

  it("without examples beside others is named, and refused alone", async () => {
    const empty = path.join(await folderWith({ "empty.jsonl": "\n" }), "empty.jsonl");
    const warnings: string[] = [];
    await build([await fileWith([{ text: "one" }]), empty], {}, warnings);
    expect(warnings).toContain(`${empty} has no examples.`);
    await expectRejection(build({ path: empty }), "data", /empty\.jsonl: no examples found/);
  });
});

describe("a fraction of a weight", () => {
  it.each([
    [0.5, 2, 1],
    [0.25, 4, 1],
    [0.3, 10, 3],
    [0.75, 4, 3],
    [0.1, 10, 1],
    [1 / 3, 3, 1],
    [0.0001, 10_000, 1],
  ])("of %d takes of every %d examples %d", (fraction, size, taken) => {
    expect(blockOf(fraction)).toEqual({ size, taken });
    const [pass] = passesOf(fraction, 42, 0);
    const chosen = Array.from({ length: size * 5 }, (_, number) => pass!(number));
    for (let block = 0; block < 5; block++)
      expect(chosen.slice(block * size, (block + 1) * size).filter(Boolean)).toHaveLength(taken);
  });

  it("draws another part of another source", () => {
    const part = (source: number): number[] =>
      Array.from({ length: 100 }, (_, number) => number).filter(passesOf(0.5, 42, source)[0]!);
    expect(part(0)).not.toEqual(part(1));
  });
});
