/** What `coxswain data` prints: read by people at 80 columns, and by programs as JSON. */
import path from "node:path";
import { Writable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { showData } from "../../../../src/cli/data/data.js";
import { histogramLines } from "../../../../src/cli/data/histogram.js";
import { percent } from "../../../../src/cli/data/words.js";
import { expectRejection } from "../../data/matchers.js";
import { chat } from "../../data/stores.js";
import { folderWith, tinyModel } from "../../data/support.js";

const lines = (...values: readonly unknown[]): string =>
  values.map((value) => `${typeof value === "string" ? value : JSON.stringify(value)}\n`).join("");

async function output(run: string, ...sets: readonly string[]): Promise<string> {
  const written: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      written.push(chunk.toString());
      done();
    },
  });
  const json = sets.includes("--json");
  await showData(run, { set: sets.filter((set) => set !== "--json"), ...(json ? { json } : {}) }, stream);
  return written.join("");
}

let run: string;
beforeAll(async () => {
  const folder = await folderWith({
    "one.jsonl": lines(chat("q", "a"), chat("q", "a"), "{", chat("p", ""), chat("long ".repeat(40), "x")),
    "two.jsonl": lines(chat("q", "a"), chat("t", "u")),
    "eval.jsonl": lines(chat("q", "a"), chat("new", "one")),
    "run.yaml": [
      `model: ${tinyModel}`,
      "output_dir: out",
      "data:",
      "  train: [{path: one.jsonl, weight: 2}, two.jsonl]",
      "  eval: eval.jsonl",
      "  on_bad_example: skip",
      "  max_length: 40",
      "  packing: true",
    ].join("\n"),
  });
  run = path.join(folder, "run.yaml");
});

describe("coxswain data", () => {
  it("prints all of it as one JSON document with --json", async () => {
    const { training, evaluation, ...rest } = JSON.parse(await output(run, "--json")) as {
      training: Record<string, unknown>;
      evaluation: Record<string, unknown>;
    };
    expect(rest).toMatchObject({ model: tinyModel, max_length: 40, notes: expect.any(Array) as unknown });
    const place = (file: string): unknown => expect.stringMatching(new RegExp(`/${file}$`));
    expect(training).toMatchObject({
      lines: 6,
      examples: 10,
      truncated: 2,
      truncated_share: 0.2,
      dropped: 2,
      skipped: 1,
      skipped_examples: [{ where: place("one.jsonl:3"), reason: expect.stringMatching(/^not JSON/) as unknown }],
      duplicates: { count: 2, first: place("one.jsonl:2") },
      empty_answers: { count: 2, first: place("one.jsonl:4") },
      split: { conversations: 0, examples: 0, extra_tokens: 0 },
      longest: { tokens: expect.any(Number) as unknown, where: place("one.jsonl:5") },
      sources: [
        { name: place("one.jsonl"), lines: 4, examples: 8, skipped: 1, dropped: 2, duplicates: { count: 1 } },
        { name: place("two.jsonl"), lines: 2, examples: 2, skipped: 0, dropped: 0, duplicates: { count: 1 } },
      ],
    });
    expect(training).not.toHaveProperty("in_training");
    const tokens = training["tokens"] as number;
    expect(training["row_fill"]).toBeCloseTo(tokens / ((training["rows"] as number) * 40), 12);
    expect(training["supervised_share"]).toBeCloseTo((training["supervised_tokens"] as number) / tokens, 12);
    expect(evaluation).toMatchObject({ examples: 2, in_training: { count: 1, first: place("eval.jsonl:1") } });
  });

  it("fits into 80 columns without escapes when it is piped, with paths relative to the working folder", async () => {
    const text = (await output(run)).replaceAll(path.dirname(run), "data");
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/\u001b/);
    expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(text).toMatch(/^Training data\n {2}examples {7}10 in \d+ rows \(\d+\.\d % full\)$/m);
    expect(text).toMatch(/^ {2}duplicates {5}2 \(first: data\/one\.jsonl:2\)$/m);
    expect(text).toMatch(/^ {2}in training {4}1 \(first: data\/eval\.jsonl:1\)$/m);
    expect(text).toMatch(/^Skipped\n {2}data\/one\.jsonl:3\n {4}not JSON: /m);
    expect(text).toMatch(/^Sources of the training data\n {2}data\/one\.jsonl\n {4}8 examples, /m);
  });

  it("follows --set, and says that there is no evaluation data", async () => {
    const text = await output(run, "data.eval=null", "data.train=two.jsonl", "data.packing=false");
    expect(text).toMatch(/2 in 2 rows \(one example per row\)/);
    expect(text).toMatch(/No evaluation data \(data\.eval\)\.\n$/);
    expect(text).not.toMatch(/Sources/);
  });

  it("has one side of a split in neither duplicates nor in_training", async () => {
    const { evaluation } = JSON.parse(await output(run, "data.eval=1", "--json")) as {
      evaluation: { in_training: unknown };
    };
    expect(evaluation.in_training).toEqual({ count: 0, first: null });
  });

  it("ends as training would for data without a good example", async () => {
    await expectRejection(output(run, "data.on_bad_example=error"), "data", /one\.jsonl:3: not JSON/);
    await expectRejection(output(run, "data.max_length=2"), "data", /every example is longer/);
  });
});

describe("a histogram", () => {
  it("has bars in proportion, no wider than the line, and one for every bin with an example", () => {
    const bins = [
      { from: 1, to: 10, count: 1000 },
      { from: 11, to: 20, count: 0 },
      { from: 21, to: 30, count: 1 },
      { from: 31, to: null, count: 500 },
    ];
    expect(histogramLines(bins, { bar: "#", width: 40 })).toEqual([
      `      1-10  ${"#".repeat(21)}  1,000`,
      "     11-20  0",
      "     21-30  #  1",
      `31 or more  ${"#".repeat(11)}  500`,
    ]);
  });
});

it.each([
  [0, 0, "0 %"],
  [1, 100_000, "< 0.1 %"],
  [99_999, 100_000, "99.9 %"],
  [100, 100, "100 %"],
  [1, 3, "33.3 %"],
])("%i of %i are %s", (part, whole, text) => {
  expect(percent(part, whole)).toBe(text);
});
