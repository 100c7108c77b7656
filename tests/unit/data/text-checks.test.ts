/** Without this, broken text is learnt, or another text than the file has, and nobody is told. */
import { describe, expect, it } from "vitest";
import { expectRejection } from "./matchers.js";
import { build, buildLines, chat } from "./stores.js";
import { fileWith } from "./support.js";

const escaped = (line: unknown): string => JSON.stringify(line);
const good = chat("q", "a");

describe("a lone surrogate is rejected with its line and place", () => {
  it.each<[string, unknown, RegExp]>([
    [
      "in a message",
      chat("q", "it is \ud83d"),
      /:2: message 2 \(assistant\) has the lone surrogate \\ud83d after "it is "/,
    ],
    [
      "at the start of one",
      chat("\udc00 x", "a"),
      /:2: message 1 \(user\) has the lone surrogate \\udc00 at its start/,
    ],
    [
      "in a call",
      {
        messages: [...good.messages, { role: "assistant", tool_calls: [{ name: "f", arguments: '{"a": "\\ud800"}' }] }],
      },
      /:2: message 3 \(assistant\) has/,
    ],
    ["in a tool", { ...good, tools: [{ name: "\ud800" }] }, /:2: "tools" has the lone surrogate \\ud800/],
  ])("%s", async (_, line, message) => {
    const text = escaped(line);
    expect(text).toContain("\\ud");
    await expectRejection(buildLines([good, text]), "data", message, /cut in two.*data\.on_bad_example: skip/);
  });

  it("also in texts, prompts and completions", async () => {
    await expectRejection(buildLines([{ text: "a\ud800" }]), "data", /:1: "text" has the lone surrogate/);
    await expectRejection(buildLines([{ prompt: "\ud800", completion: "b" }]), "data", /:1: "prompt" has/);
    await expectRejection(buildLines([{ prompt: "a", completion: "\ud800" }]), "data", /:1: "completion" has/);
  });

  it("but a pair of them is a character", async () => {
    const line = escaped(chat("q", "😀")).replace("😀", "\\ud83d\\ude00");
    expect(line).toContain("\\ud83d");
    expect((await buildLines([line])).statistics.examples).toBe(1);
  });
});

describe("U+FFFD is reported once, with its count and first line", () => {
  it.each<[string, unknown, string]>([
    ["in a message", chat("caf\ufffd", "a"), "message 1 \\(user\\)"],
    ["in a text", { text: "caf\ufffd" }, '"text"'],
    ["in a completion", { prompt: "a", completion: " caf\ufffd" }, '"completion"'],
  ])("%s", async (_, line, place) => {
    const warnings: string[] = [];
    const plain = JSON.parse(escaped(line).replace("\ufffd", "é")) as unknown;
    await buildLines([plain, line, line], {}, warnings);
    expect(warnings).toEqual([
      expect.stringMatching(
        new RegExp(`^2 of 3 examples \\(first: \\S+:2, ${place}\\) have the replacement character U\\+FFFD`),
      ),
    ]);
  });
});

describe("a key that an object has twice is reported once, with its count and first line", () => {
  const twice =
    '{"messages": [{"role": "user", "content": "x", "content": "q"}, {"role": "assistant", "content": "a"}]}';

  it("in lines", async () => {
    const warnings: string[] = [];
    await buildLines([good, twice, twice], {}, warnings);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^2 of 3 examples \(first: \S+:2, messages\[0\]\.content\) have a key twice in one JSON object/,
      ),
    ]);
  });

  it("in a list", async () => {
    const warnings: string[] = [];
    const file = await fileWith([`[${escaped(good)},\n${twice}, ${twice}]`], "train.json");
    await build(file, {}, warnings);
    expect(warnings).toEqual([
      expect.stringMatching(/^2 of 3 examples \(first: \S+: item 2, messages\[0\]\.content\)/),
    ]);
  });
});
