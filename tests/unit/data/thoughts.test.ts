/** Answers that are nothing but a thought teach a model to answer nothing: they are counted as empty answers. */
import { describe, expect, it } from "vitest";
import { isEmptyAnswer, withoutThought } from "../../../src/data/thoughts.js";
import { buildLines, chat } from "./stores.js";

const empty =
  /^1 of 2 examples \(first: \S+:2\) have an answer that renders to nothing but its end token, or a thought/;

describe("an answer with a thought", () => {
  it.each([
    ["<think>I wonder.</think>"],
    ["<think>\nI wonder.\n</think>\n\n"],
    ["I wonder.</think>\n"],
    ["<thinking>a</thinking><think>b</think> "],
    ["[THINK]a[/THINK]"],
    ["<think></think>"],
    [""],
    ["  \n"],
  ])("is empty if nothing follows: %j", async (text) => {
    expect(isEmptyAnswer(text)).toBe(true);
    const warnings: string[] = [];
    await buildLines([chat("q", "a"), chat("q", text)], {}, warnings);
    expect(warnings).toEqual([expect.stringMatching(empty)]);
  });

  it.each([["<think>I wonder.</think>Yes."], ["<think>not closed"], ["Yes."], ["<think></think>\n\nYes."]])(
    "is not empty otherwise: %j",
    async (text) => {
      expect(isEmptyAnswer(text)).toBe(false);
      const warnings: string[] = [];
      await buildLines([chat("q", "a"), chat("q", text)], {}, warnings);
      expect(warnings).toEqual([]);
    },
  );

  it("is also counted in completions, and without assistant_only_loss", async () => {
    const warnings: string[] = [];
    const completion = (text: string) => ({ prompt: "q", completion: text });
    await buildLines([completion("a"), completion("<think>x</think>")], {}, warnings);
    await buildLines([chat("q", "a"), chat("q", "<think>x</think>")], { assistant_only_loss: false }, warnings);
    expect(warnings).toEqual([expect.stringMatching(empty), expect.stringMatching(empty)]);
  });

  it("ends with its last tag", () => {
    expect(withoutThought("<think>a</think>b<think>c</think>d")).toBe("d");
  });
});
