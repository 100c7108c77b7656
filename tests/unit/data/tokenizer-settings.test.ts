/** Without this, a model learns other tokens than transformers' tokenizer will give it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openTokenizer } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { flatOffsets, folderWith, inRepository } from "./support.js";

/** What transformers makes of a model folder; written by tests/peers/check-tokenizers.py. */
interface Case {
  readonly title: string | null;
  /** Name of its tokenizer.json. */
  readonly base: string;
  readonly files: Readonly<Record<string, unknown>>;
  readonly named: Readonly<Record<string, string>>;
  readonly size: number;
  /** With the tokens that the tokenizer adds; absent if there are none. */
  readonly ids?: readonly (readonly number[])[];
  readonly plain: readonly (readonly number[])[];
  /** In code points. */
  readonly offsets?: readonly (readonly number[])[];
  readonly decoded?: readonly string[];
  readonly spoken: readonly string[];
}

const { texts, bases, cases } = JSON.parse(
  readFileSync(inRepository("tests/golden/tokenizers/cases.json"), "utf8"),
) as { texts: string[]; bases: Readonly<Record<string, unknown>>; cases: Case[] };

const open = async ({ base, files }: Pick<Case, "base" | "files">) => {
  const all = Object.entries({ "tokenizer.json": bases[base], ...files });
  return openTokenizer(await folderWith(Object.fromEntries(all.map(([name, value]) => [name, JSON.stringify(value)]))));
};

const codePoints = (text: string, offsets: readonly number[]): number[] =>
  Array.from(offsets, (at) => Array.from(text.slice(0, at)).length);

async function expectAsTransformers(one: Case): Promise<void> {
  const tokenizer = await open(one);
  const encoded = await tokenizer.encodeBatch(texts);
  const plain = await tokenizer.encodeBatch(texts, { addSpecialTokens: false });
  const decode = (skipSpecialTokens: boolean): Promise<string[]> =>
    Promise.all(plain.map(({ ids }) => tokenizer.decode(ids, { skipSpecialTokens })));
  expect(plain.map(({ ids }) => Array.from(ids))).toEqual(one.plain);
  expect(encoded.map(({ ids }) => Array.from(ids))).toEqual(one.ids ?? one.plain);
  expect(tokenizer.specialTokens).toEqual(one.named);
  expect(tokenizer.vocabSize).toBe(one.size);
  expect(await decode(true)).toEqual(one.spoken);
  if (one.decoded !== undefined) expect(await decode(false)).toEqual(one.decoded);
  if (one.offsets === undefined) return;
  expect(plain.map((tokens, index) => codePoints(texts[index]!, flatOffsets(tokens.offsets())))).toEqual(one.offsets);
}

describe("a tokenizer has the settings that transformers gives it", () => {
  const named = cases.filter(({ title }) => title !== null);
  it.each(named.map((one) => [one.title, one] as const))("%s", (_, one) => expectAsTransformers(one));

  const drawn = cases.filter(({ title }) => title === null);
  it.each(drawn.map((one, index) => [index, one.base, one] as const))("random settings %i of %s", (_n, _base, one) =>
    expectAsTransformers(one),
  );
});

describe("a named token that is none", () => {
  it.each([[5], [["</s>"]], [{}], [false]])("is rejected: eos_token %j", async (eos) => {
    const files = { "tokenizer_config.json": { eos_token: eos, add_bos_token: true } };
    await expectRejection(
      open({ base: "word-level", files }),
      "model",
      /coxswain-data-\w+: the tokenizer's "eos_token" is neither text nor an AddedToken/,
    );
  });
});

describe("a tokenizer that can't encode", () => {
  it("is rejected by its folder, with the tokenizer's own message", async () => {
    const files = { "config.json": { model_type: "gemma2" }, "tokenizer_config.json": { unk_token: "[none]" } };
    const tokenizer = await open({ base: "word-level", files });
    await expectRejection(
      tokenizer.encode("a long text"),
      "model",
      /\/coxswain-data-\w+: the tokenizer can't encode text: Unk token `\[none\]` not found/,
      /tokenizer_config\.json/,
    );
  });
});
