/** Without this, the wrong tokens of a conversation are learnt. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openTokenizer } from "../../../src/data/index.js";
import { labelsOfSpans } from "../../../src/data/masks.js";
import { tokenAfter, tokenFrom } from "../../../src/data/tokenizer/token-offsets.js";
import { flatOffsets, folderWith, inRepository, readJson, tinyModel } from "./support.js";

const { bases } = readJson(inRepository("tests/golden/tokenizers/cases.json")) as { bases: Record<string, unknown> };
const tokenizers = [
  ["the tiny model", await openTokenizer(tinyModel)] as const,
  ...(await Promise.all(
    Object.entries(bases).map(
      async ([name, json]) =>
        [name, await openTokenizer(await folderWith({ "tokenizer.json": JSON.stringify(json) }))] as const,
    ),
  )),
];

const piece = fc.constantFrom(
  "hello",
  " ",
  "  ",
  "\n",
  "naïve",
  "日本",
  "👩‍👩‍👧",
  "🌈",
  "x",
  "\t",
  "<|im_end|>",
  "1.5",
  "▁",
  "é",
);
const texts = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(""));

describe.each(tokenizers)("positions of the tokens of %s", (_, tokenizer) => {
  it("are found as by looking at every token", async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const offsets = (await tokenizer.encode(text, { addSpecialTokens: false })).offsets();
        const all = flatOffsets(offsets);
        const each = Array.from({ length: offsets.count }, (_token, token) => token);
        const orCount = (token: number): number => (token < 0 ? offsets.count : token);
        for (let position = 0; position <= text.length; position++) {
          if (/[\udc00-\udfff]/.test(text.charAt(position))) continue;
          expect(tokenAfter(offsets, position)).toBe(
            orCount(each.findIndex((token) => all[token * 2 + 1]! > position)),
          );
          expect(tokenFrom(offsets, position)).toBe(orCount(each.findIndex((token) => all[token * 2]! >= position)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("decide that exactly the tokens which overlap a span are supervised", async () => {
    const cuts = fc.array(fc.nat(60), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(texts, cuts, async (text, places) => {
        const { ids, offsets } = await tokenizer.encode(text, { addSpecialTokens: false }).then((encoded) => ({
          ids: encoded.ids,
          offsets: encoded.offsets(),
        }));
        const sorted = [...new Set(places.map((place) => Math.min(place, text.length)))].sort((a, b) => a - b);
        const spans = sorted.flatMap((start, index) =>
          index % 2 === 0 && sorted[index + 1] !== undefined ? [{ start, end: sorted[index + 1]! }] : [],
        );
        const expected = Array.from(ids, (id, token) =>
          spans.some(({ start, end }) => offsets.start(token) < end && offsets.end(token) > start) ? id : -100,
        );
        expect(Array.from(labelsOfSpans(ids, offsets, spans))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});
