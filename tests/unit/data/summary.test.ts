/** Without this, `coxswain data` recommends a max_length by wrong lengths, or misses copies of examples. */
import { describe, expect, it } from "vitest";
import type { TokenisedLine } from "../../../src/data/index.js";
import { selectionOf } from "../../../src/data/sources/selection.js";
import { ContentSet } from "../../../src/data/summary/content-set.js";
import { DataSummariser } from "../../../src/data/summary/index.js";
import { lengthStatistics } from "../../../src/data/summary/lengths.js";

const lengths = (...values: readonly number[]) => lengthStatistics(Int32Array.from(values));

describe("length statistics", () => {
  it("are nearest-rank percentiles", () => {
    const { min, mean, p50, p90, p99, max } = lengths(...Array.from({ length: 200 }, (_, index) => 200 - index));
    expect({ min, mean, p50, p90, p99, max }).toEqual({ min: 1, mean: 100.5, p50: 100, p90: 180, p99: 198, max: 200 });
  });

  it.each([
    ["one example", [7], [{ from: 7, to: 7, count: 1 }]],
    ["examples of one length", [7, 7], [{ from: 7, to: 7, count: 2 }]],
    [
      "lengths with a gap",
      [1, 2, 2, 5],
      [1, 2, 0, 0, 1].map((count, index) => ({ from: 1 + index, to: 1 + index, count })),
    ],
  ])("of %s have bins that cover each", (_, values, bins) => {
    expect(lengths(...values).histogram).toEqual(bins);
  });

  it("have every example in one of at most 12 bins, neighbouring ones, of any lengths", () => {
    for (const power of [1, 3, 7, 40, 1e3, 1e6]) {
      const values = Array.from({ length: 500 }, (_, index) => 1 + Math.floor(((index * 7919) % 1009) * power));
      const { histogram } = lengths(...values);
      expect(histogram.length).toBeLessThanOrEqual(12);
      for (const [index, { from, to, count }] of histogram.entries()) {
        const isIn = (value: number): boolean => value >= from && value <= (to ?? Infinity);
        expect(values.filter(isIn)).toHaveLength(count);
        if (index > 0) expect(from).toBe(histogram[index - 1]!.to! + 1);
      }
      expect(histogram.reduce((sum, { count }) => sum + count, 0)).toBe(500);
    }
  });

  it("have a last bin without a limit for few that are far longer than the others", () => {
    const { histogram } = lengths(...Array.from({ length: 999 }, (_, index) => 100 + (index % 100)), 50_000);
    expect(histogram.at(-1)).toEqual({ from: 210, to: null, count: 1 });
  });
});

it("a set of content numbers tells new members from known ones, also of many", () => {
  const set = new ContentSet();
  const contents = Array.from({ length: 5000 }, (_, index) => (index * 2654435761 * 31) % 2 ** 48);
  for (const content of contents) expect(set.add(content)).toBe(true);
  for (const content of contents) expect(set.add(content)).toBe(false);
  expect(contents.every((content) => set.has(content))).toBe(true);
  expect([1, 2, 3].some((content) => set.has(content))).toBe(false);
});

const line = (contentNumber: number, changes: Partial<TokenisedLine> = {}): TokenisedLine => {
  const where = `train.jsonl:${contentNumber}`;
  const examples = [{ where, length: contentNumber, tokens: Math.min(contentNumber, 100), supervised: 1 }];
  return { where, source: 0, contentNumber, isRepeated: false, hasEmptyAnswer: false, examples, ...changes };
};

describe("a summary", () => {
  it("counts copies within a source and across sources, with the place of the first copy", () => {
    const data = new DataSummariser(selectionOf(["a.jsonl", "b.jsonl"]), 100);
    data.onLine(line(1));
    data.onLine(line(1, { where: "a.jsonl:2" }));
    data.onLine(line(1, { where: "b.jsonl:1", source: 1 }));
    data.onLine(line(2, { source: 1 }));
    const { duplicates, sources } = data.finish();
    expect(duplicates).toEqual({ count: 2, first: "a.jsonl:2" });
    expect(sources.map((source) => source.duplicates)).toEqual([
      { count: 1, first: "a.jsonl:2" },
      { count: 1, first: "b.jsonl:1" },
    ]);
  });

  it("does not count what a weight repeats as copies", () => {
    const data = new DataSummariser(selectionOf("a.jsonl"), 100);
    data.onLine(line(1));
    data.onLine(line(1, { isRepeated: true }));
    expect(data.finish()).toMatchObject({ lines: 1, examples: 2, duplicates: { count: 0, first: null } });
  });

  it("counts evaluation lines that are training lines", () => {
    const training = new DataSummariser(selectionOf("a.jsonl"), 100);
    [1, 2, 3].forEach((content) => training.onLine(line(content)));
    const evaluation = new DataSummariser(selectionOf("b.jsonl"), 100, training.contents);
    [4, 3, 2].forEach((content) => evaluation.onLine(line(content)));
    expect(evaluation.finish().inTraining).toEqual({ count: 2, first: "train.jsonl:3" });
  });

  it("counts truncated, dropped, skipped and split ones, and names the longest", () => {
    const data = new DataSummariser(selectionOf("a.jsonl"), 100);
    data.onLine(line(90, { hasEmptyAnswer: true }));
    data.onLine(line(150));
    data.onLine(line(120, { examples: [{ where: "a.jsonl:3", length: 120, tokens: 0, supervised: 0 }] }));
    const parts = [10, 130].map((length) => ({
      where: `a.jsonl:4, message ${length}`,
      length,
      tokens: 10,
      supervised: 5,
    }));
    data.onLine(line(7, { examples: parts }));
    data.onSkipped(0);
    expect(data.finish()).toMatchObject({
      lines: 4,
      examples: 5,
      tokens: 90 + 100 + 20,
      supervisedTokens: 12,
      truncated: 3,
      dropped: 1,
      skipped: 1,
      emptyAnswers: { count: 1, first: "train.jsonl:90" },
      split: { conversations: 1, examples: 2, extraTokens: 10 },
      longest: { tokens: 150, where: "train.jsonl:150" },
    });
  });
});
