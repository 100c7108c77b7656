import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { risksOf } from "../../../../src/data/tokenizer/risks.js";
import { quickstartModel } from "../../../support/runs.js";

const replace = (from: string, to: string) => ({ type: "Replace", pattern: { String: from }, content: to });

describe("a tokenizer has a risk", () => {
  it("not if it is as published ones are", () => {
    const published = JSON.parse(readFileSync(join(quickstartModel, "tokenizer.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(risksOf(published)).toEqual([]);
    const gemma = { normalizer: replace(" ", "▁"), decoder: { type: "Sequence", decoders: [replace("▁", " ")] } };
    expect(risksOf(gemma)).toEqual([]);
  });

  it("if texts grow, by all of its normaliser together", () => {
    const sequence = (...normalizers: object[]) => ({ normalizer: { type: "Sequence", normalizers } });
    expect(risksOf(sequence(replace("a", "aaaaaaaa")))).toEqual([]);
    expect(risksOf(sequence(replace("a", "aaaaaaaa"), replace("a", "aaaaaaaa")))).toEqual([
      "texts that grow by a factor of 64",
    ]);
    expect(risksOf(sequence(replace("", "a")))).toEqual(["texts that grow by a factor of Infinity"]);
    const table = Buffer.concat([Buffer.alloc(4), Buffer.from(`x\u0000${"y".repeat(1000)}\u0000`)]).toString("base64");
    expect(risksOf(sequence({ type: "Precompiled", precompiled_charsmap: table }))).toHaveLength(1);
  });

  it("if one of its patterns may take too many steps, wherever it is", () => {
    for (const key of ["normalizer", "pre_tokenizer", "decoder"])
      expect(risksOf({ [key]: { type: "X", deep: [{ pattern: { Regex: "(a+)+" } }] } })).toEqual([
        'the pattern "(a+)+"',
      ]);
  });

  it("if it puts much around each text, looks at long words, or is nested without end", () => {
    expect(risksOf({ normalizer: { type: "Prepend", prepend: "x".repeat(2_000) } })).toHaveLength(1);
    expect(risksOf({ post_processor: { type: "T", single: Array(2_000).fill({}) } })).toHaveLength(1);
    expect(risksOf({ model: { type: "WordPiece", max_input_chars_per_word: 1e6 } })).toHaveLength(1);
    let deep: object = {};
    for (let level = 0; level < 100; level++) deep = { normalizers: [deep] };
    expect(risksOf({ normalizer: deep })).toHaveLength(1);
  });
});
