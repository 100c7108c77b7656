import { describe, expect, it } from "vitest";
import { isLinear } from "../../../../src/data/tokenizer/linear-pattern.js";

const { raw } = String;

describe("a pattern of a tokenizer is run without a rehearsal", () => {
  it.each([
    ["GPT-2", raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`],
    [
      "Qwen",
      raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ],
    [
      "Llama 3",
      raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ],
    [
      "GPT-4o",
      raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ],
    [
      "DeepSeek",
      raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_\x60{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ],
    ["BLOOM", raw` ?[^(\s|[.,!?…。，、।۔،])]+`],
    ["spaces", " {2,}"],
  ])("of %s", (_, pattern) => {
    expect(isLinear(pattern)).toBe(true);
  });
});

describe("a pattern is rehearsed", () => {
  it.each([
    "^(a+)+$",
    "(a|aa)+",
    "(.*)*",
    "a*a*b",
    ".*.*=",
    raw`\w+\w+`,
    // Nothing takes what it fails on, so that it is tried again from each character.
    "a+b",
    raw`\s+$`,
    // Few lengths each, and too many together.
    "a?a?a?a?a?a?a?a?a?aaaaaaaaa",
    "a{0,99}a{0,99}b",
    "(?:a?){50}",
    raw`(a)\1`,
    "a+?b",
    "a++",
    "(?<=a+)b",
    "[a-z&&[aeiou]]+",
    "",
    "|a",
    "(",
  ])("%j", (pattern) => {
    expect(isLinear(pattern)).toBe(false);
  });
});
