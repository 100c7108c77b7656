/** These tests protect: the suggestion beside a misspelt key is the key they meant. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allKeys } from "../../../src/config/keys.js";
import { suggestKey } from "../../../src/config/suggest.js";
import { editDistance, nearest } from "../../../src/nearest.js";

describe("editDistance", () => {
  // Published examples of Levenshtein's distance, and swaps of neighbours (Damerau).
  it.each([
    ["kitten", "sitting", 3],
    ["saturday", "sunday", 3],
    ["flaw", "lawn", 2],
    ["", "abc", 3],
    ["abc", "acb", 1],
    ["ca", "abc", 3],
    ["same", "same", 0],
  ])("of %j and %j is %i", (left, right, distance) => {
    expect(editDistance(left, right)).toBe(distance);
  });

  it("is symmetric and never exceeds the length of the longer word", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (left, right) => {
        const distance = editDistance(left, right);
        expect(distance).toBe(editDistance(right, left));
        expect(distance).toBeLessThanOrEqual(Math.max(left.length, right.length));
        expect(distance === 0).toBe(left === right);
      }),
    );
  });
});

describe("nearest", () => {
  it("finds nothing if no candidate is near", () => {
    expect(nearest("xyzzy", ["seed", "model"])).toBeUndefined();
    expect(nearest("q", ["r"])).toBeUndefined();
  });
});

describe("suggestKey", () => {
  it("finds every key with one missing letter", () => {
    for (const key of allKeys()) {
      const name = key.slice(key.lastIndexOf(".") + 1);
      if (name.length < 4) continue;
      const section = key.slice(0, Math.max(0, key.lastIndexOf(".")));
      expect(suggestKey(section, name.slice(0, 2) + name.slice(3), allKeys()), key).toBe(key);
    }
  });

  it("maps other trainers' names only to existing keys", () => {
    const keys = new Set(allKeys());
    for (const name of [
      "lr",
      "batch_size",
      "max_seq_length",
      "lora_r",
      "model_name_or_path",
      "load_in_4bit",
      "epochs",
      "toString",
    ]) {
      const suggestion = suggestKey("", name, allKeys());
      if (name === "toString") expect(suggestion).toBeUndefined();
      else expect(keys.has(suggestion ?? ""), name).toBe(true);
    }
  });
});
