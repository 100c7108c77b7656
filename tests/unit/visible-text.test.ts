import { describe, expect, it } from "vitest";
import { textFromOutside, visibleLine, visibleText, visibleTexts } from "../../src/visible-text.js";

describe("text of another process", () => {
  it("shows control characters as U+FFFD, and keeps its lines", () => {
    expect(visibleText("a\u001b[2Jb\r\nc\td\u0007")).toBe("a\uFFFD[2Jb\nc\td\uFFFD");
  });

  it("is one line where one is asked for, and is cut to its length", () => {
    expect(visibleLine("a\n\tb\u2028c")).toBe("a b c");
    expect(visibleLine("abcdef", 4)).toBe("abc…");
  });

  it("of another machine is one line of at most 500 characters in the order of writing", () => {
    const shown = textFromOutside(`a\n\u001b]0;t\u0007\u202eb\u2066c${"x".repeat(1_000)}`);
    expect(shown).toMatch(/^a \uFFFD\]0;t\uFFFD\uFFFDb\uFFFDcx+…$/);
    expect(shown).toHaveLength(500);
  });

  it("is made visible at every depth of a JSON value, which is otherwise unchanged", () => {
    const status = { detail: "\u001b]0;x\u0007", step: 3, loss: null, workers: [{ host: "a\u009bb", ready: true }] };
    expect(visibleTexts(status)).toEqual({
      detail: "\uFFFD]0;x\uFFFD",
      step: 3,
      loss: null,
      workers: [{ host: "a\uFFFDb", ready: true }],
    });
  });
});
