/** What `coxswain data` counts is what becomes of each line: without this, its figures are of other data than the run's. */
import { describe, expect, it } from "vitest";
import { buildTokenStore, type DataInput, type TokenisedLine, type TokenStore } from "../../../src/data/index.js";
import { contentNumber } from "../../../src/data/sources/content.js";
import { chat, tokenizer, type Settings } from "./stores.js";
import { dataSettings, fileWith } from "./support.js";

interface Observed {
  readonly lines: TokenisedLine[];
  /** Sources of skipped lines. */
  readonly skipped: number[];
  readonly store: TokenStore;
}

async function observe(source: DataInput, settings: Settings = {}): Promise<Observed> {
  const [lines, skipped]: [TokenisedLine[], number[]] = [[], []];
  const observer = {
    onLine: (line: TokenisedLine) => void lines.push(line),
    onSkipped: (place: number) => void skipped.push(place),
  };
  const store = await buildTokenStore({ source, data: { ...dataSettings, ...settings }, tokenizer, observer });
  return { lines, skipped, store };
}

const shortWhere = ({ where }: { readonly where: string }): string => where.replace(/.*\//, "");

describe("the observer of a token store", () => {
  it("receives each line in the order of the data, with its source and its content", async () => {
    const lines = [chat("One?", "First"), { text: "x" }];
    const first = await fileWith(Array.from({ length: 300 }, () => lines[0]));
    const second = await fileWith([lines[1]], "more.jsonl");
    const observed = await observe([first, second]);
    expect(observed.lines).toHaveLength(301);
    expect(observed.lines.map(({ source }) => source)).toEqual([...Array.from({ length: 300 }, () => 0), 1]);
    expect(observed.lines.slice(-2).map(shortWhere)).toEqual(["train.jsonl:300", "more.jsonl:1"]);
    expect(observed.lines.at(-1)!.contentNumber).toBe(contentNumber(lines[1]));
  });

  it("receives lengths before and after truncation, and what is left of the supervised tokens", async () => {
    const texts = ["a b c d e f g h i j k l m n", "a"].map((text) => ({ text }));
    const whole = await observe(await fileWith(texts));
    const cut = await observe(await fileWith(texts), { max_length: 5 });
    const examples = cut.lines.flatMap((line) => line.examples);
    expect(examples.map(({ length }) => length)).toEqual(
      whole.lines.flatMap((line) => line.examples.map(({ tokens }) => tokens)),
    );
    expect(examples[0]).toMatchObject({ tokens: 5, supervised: 4 });
    const sum = (of: "tokens" | "supervised"): number => examples.reduce((total, example) => total + example[of], 0);
    expect(cut.store.statistics).toMatchObject({ tokens: sum("tokens"), supervisedTokens: sum("supervised") });
  });

  it("receives dropped examples as ones without tokens", async () => {
    const long = chat("a b c d e f g h i j k l m n o p q r s t u v w x y z", "yes");
    const { lines } = await observe(await fileWith([chat("q", "a"), long]), { max_length: 20 });
    expect(lines.map(({ examples }) => examples[0]!.tokens > 0)).toEqual([true, false]);
    expect(lines[1]!.examples[0]!.length).toBeGreaterThan(20);
  });

  it("is told which lines have an empty answer", async () => {
    const { lines } = await observe(await fileWith([chat("q", "a"), chat("q", "")]));
    expect(lines.map(({ hasEmptyAnswer }) => hasEmptyAnswer)).toEqual([false, true]);
  });
});

describe("a bad example of a source whose weight is above 1", () => {
  const silent = { messages: [{ role: "user", content: "x" }] };

  it.each([
    ["that is not JSON", "{"],
    ["of another structure", { messages: [] }],
    ["without a supervised token", silent],
  ])("%s is skipped, counted and listed once", async (_, bad) => {
    const path = await fileWith([chat("q", "a"), bad, chat("One?", "First")]);
    const other = await fileWith([silent, chat("Two?", "Second")], "other.jsonl");
    const { lines, skipped, store } = await observe([{ path, weight: 2.5 }, other], { on_bad_example: "skip" });
    expect(skipped).toEqual([0, 1]);
    expect(store.statistics.skipped!.count).toBe(2);
    expect(store.statistics.skipped!.first.map(shortWhere)).toEqual(["train.jsonl:2", "other.jsonl:1"]);
    expect(lines.filter(({ isRepeated }) => !isRepeated)).toHaveLength(3);
    expect(lines.filter(({ source, isRepeated }) => source === 0 && isRepeated).length).toBeGreaterThanOrEqual(2);
  });

  it("is counted among the lines, not among their uses", async () => {
    const path = await fileWith([chat("q", "a"), silent]);
    const notes: string[] = [];
    await buildTokenStore({
      source: { path, weight: 10 },
      data: { ...dataSettings, on_bad_example: "skip" },
      tokenizer,
      onWarning: (text) => notes.push(text),
    });
    expect(notes).toEqual([expect.stringMatching(/^1 of 2 examples were skipped/)]);
  });
});
