/** Without this, data as Hugging Face's libraries write them are refused, or refused without a word of what would do. */
import { describe, expect, it } from "vitest";
import { expectRejection } from "./matchers.js";
import { build, buildLines, chat, rowsOf } from "./stores.js";
import { fileWith, folderWith } from "./support.js";
import path from "node:path";

const rows = async (line: unknown, settings = {}) => rowsOf(await buildLines([line], { packing: false, ...settings }));
const usual = await rows(chat("q", "a"));
const twoTurns = await rows({ messages: [...chat("q", "a").messages, ...chat("r", "b").messages] });

describe("a list of messages in another arrangement is read as the same conversation", () => {
  it.each<[string, unknown]>([
    ["columns of roles and contents", { messages: { role: ["user", "assistant"], content: ["q", "a"] } }],
    ["columns of ShareGPT's keys", { conversations: { from: ["human", "gpt"], value: ["q", "a"] } }],
    ["a turn with the speakers as keys", { conversations: [{ user: "q", assistant: "a" }] }],
    ["a turn of ShareGPT's speakers", { conversations: [{ human: "q", gpt: "a" }] }],
    ["a turn with nulls for those who are silent", { conversations: [{ system: null, human: "q", gpt: "a" }] }],
    ["messages that each have one speaker", { messages: [{ user: "q" }, { assistant: "a" }] }],
    ["JSON text of a list, as in a table", { messages: JSON.stringify(chat("q", "a").messages) }],
  ])("%s", async (_, line) => {
    expect(await rows(line)).toEqual(usual);
  });

  it("several turns in their order", async () => {
    const turns = [
      { user: "q", assistant: "a" },
      { user: "r", assistant: "b" },
    ];
    expect(await rows({ conversations: turns })).toEqual(twoTurns);
  });

  it("prompt and completion as columns, both", async () => {
    const columns = { prompt: [{ user: "q" }], completion: [{ assistant: "a" }] };
    const messages = { prompt: chat("q", "a").messages.slice(0, 1), completion: chat("q", "a").messages.slice(1) };
    const table = { format: "prompt_completion" } as const;
    expect(await rows(columns, table)).toEqual(await rows(messages, table));
  });
});

describe("what cannot be read says what can", () => {
  const shapes =
    /\{"role": "user", "content": "\.\.\."\}.*"from" and "value".*\{"user": "\.\.\.", "assistant": "\.\.\."\}/;

  it.each<[string, unknown, RegExp, RegExp]>([
    [
      "columns of different lengths",
      { messages: { role: ["user"], content: ["q", "a"] } },
      /"messages" is an object/,
      /./,
    ],
    [
      "a speaker beside another key",
      { conversations: [{ user: "q", assistant: "a", id: 3 }] },
      /the speakers user, assistant and the key "id"/,
      shapes,
    ],
    ["pairs", { messages: [["user", "q"]] }, /message 1 of "messages" is a list; expected a JSON object/, shapes],
    [
      "another key",
      { messages: [{ speaker: "user", text: "q" }] },
      /"role" of message 1 of "messages" is missing/,
      shapes,
    ],
    [
      "no content",
      { messages: [{ role: "user", content: null }] },
      /message 1 of "messages" \(user\) is null, and it has no tool_calls/,
      /Give the text, "" for a message without one, or the "tool_calls"/,
    ],
    [
      "several completions",
      { prompt: "q", completion: ["a", "b"] },
      /"completion" is a list; expected a string/,
      /a line for each/,
    ],
    [
      "messages after a text",
      { prompt: "q", completion: chat("q", "a").messages },
      /"completion" is a list/,
      /both lists of messages/,
    ],
  ])("%s", async (_, line, message, hint) => {
    await expectRejection(buildLines([line]), "data", new RegExp(`train\\.jsonl:1: .*${message.source}`), hint);
  });

  it("a table whose first line is an example", async () => {
    const folder = await folderWith({ "a.csv": "What is it?,A thing\nWho?,Me\n" });
    await expectRejection(
      build(path.join(folder, "a.csv")),
      "data",
      /a\.csv:2: no known format/,
      /put a line such as `prompt,completion` before it/,
    );
    await expectRejection(build(await fileWith([{ a: 1 }])), "data", /no known format/, /^(?!.*first line of a table)/);
  });
});

it("cells of a table that name a missing value are said to be learnt as text; those of JSON are text", async () => {
  const folder = await folderWith({ "a.csv": "prompt,completion\nq,NaN\nNaN is what?,not a number\n" });
  const warnings: string[] = [];
  const store = await build(path.join(folder, "a.csv"), {}, warnings);
  expect(store.statistics.examples).toBe(2);
  expect(warnings).toEqual([
    expect.stringMatching(/^1 of 2 examples \(first: \S+a\.csv:2, "NaN"\) have a cell that other programs read/),
  ]);
  const quiet: string[] = [];
  await buildLines([{ prompt: "q", completion: "NaN" }], {}, quiet);
  expect(quiet).toEqual([]);
});
