import { describe, expect, it } from "vitest";
import { sampleLines } from "../../../src/cli/train/samples.js";

const sample = (prompt: string | readonly object[], completion: string) => ({ step: 7, prompt, completion });

describe("the samples at the end of a run", () => {
  it("are not mentioned without any", () => {
    expect(sampleLines([], "out")).toEqual([]);
  });

  it("are short, on one line each, and name the file that has all of them", () => {
    const long = "word ".repeat(40);
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "one\ntwo" },
    ];
    const lines = sampleLines(
      [sample("Hi", "Hello\n\nthere"), sample(messages, long), sample("a", "\u001b[31mred\u0007"), sample("b", "c")],
      "out",
    );
    expect(lines[0]).toBe("samples of step 7:");
    expect(lines[1]).toBe('  "Hi" -> "Hello there"');
    expect(lines[2]).toMatch(/^ {2}"one two" -> "word word .*…"$/);
    expect(lines[2]?.length).toBeLessThan(90);
    expect(lines[3]).not.toMatch(/\p{Cc}/u);
    expect(lines.slice(4)).toEqual(["  (1 more in out/samples.jsonl)"]);
  });
});
