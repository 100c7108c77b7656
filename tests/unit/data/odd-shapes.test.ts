/** Data as people bring it: the message says what it is, and the hint how to arrange it. */
import { describe, expect, it } from "vitest";
import { expectRejection } from "./matchers.js";
import { build, chat, rowsOf } from "./stores.js";
import { fileWith } from "./support.js";

const { messages } = chat("q", "a");
const pair = { prompt: "p", completion: "c" };
const table = /this object is a whole table, not one example/;
const pandas = /orient='records', lines=True/;

describe("is refused with what it is, and how to arrange it:", () => {
  it.each<[string, unknown, string, RegExp, RegExp]>([
    ["columns as lists", { prompt: ["p", "q"], completion: ["c", "d"] }, "train.json", table, pandas],
    ["a single column", { text: ["a", "b"] }, "train.json", table, pandas],
    ["pandas' default", { prompt: { 0: "p" }, completion: { 0: "c" } }, "train.json", table, pandas],
    ["pandas' split", { columns: ["prompt"], index: [0], data: [["p"]] }, "train.json", table, pandas],
    [
      "examples under names",
      { one: pair, two: pair },
      "train.json",
      /several examples, each under a name/,
      /jq -c '\.\[\]'/,
    ],
    [
      "lists of messages",
      [messages, messages],
      "train.json",
      /item 1: the example is a list/,
      /'\.\[\] \| \{messages: \.\}'/,
    ],
    [
      "pairs of texts",
      [["q", "a"]],
      "train.json",
      /item 1: the example is a list/,
      /prompt: \.\[0\], completion: \.\[1\]/,
    ],
    ["a list of texts", ["one", "two"], "train.json", /item 1: the example is a string/, /'\.\[\] \| \{text: \.\}'/],
    ["one text per line", '"one"', "train.jsonl", /:1: the example is a string/, /'\{text: \.\}'/],
    [
      "a list of messages per line",
      messages,
      "train.jsonl",
      /this is one message, not a conversation/,
      /'\{messages: \.\}'/,
    ],
    ["one turn of ShareGPT", { from: "human", value: "x" }, "train.jsonl", /one message/, /\{"conversations": \[/],
    ["JSON within JSON", JSON.stringify(JSON.stringify(pair)), "train.jsonl", /encoded twice/, /jq -c 'fromjson'/],
    [
      "two objects on a line",
      `${JSON.stringify(pair)} ${JSON.stringify(pair)}`,
      "train.jsonl",
      /not JSON/,
      /several\. .* jq -c \. /,
    ],
    ["a comment", "// mine", "train.jsonl", /:1: not JSON/, /no comments: remove/],
    ["a heading", "# mine", "train.jsonl", /:1: not JSON/, /no comments: remove/],
    ["YAML", "- prompt: a", "train.jsonl", /:1: not JSON/, /looks like YAML/],
    ["typographic quotes", "{“text”: “a”}", "train.jsonl", /:1: not JSON/, /straight quotes/],
    ["a JSON text sequence", `\x1e${JSON.stringify(pair)}`, "train.jsonl", /:1: not JSON/, /tr -d '\\036'/],
    ["keys with capitals", { Messages: messages }, "train.jsonl", /no known format/, /columns: \{messages: Messages\}/],
    [
      "keys in capitals",
      { PROMPT: "p", COMPLETION: "c" },
      "train.jsonl",
      /no known format/,
      /prompt: PROMPT, completion: COMPLETION/,
    ],
  ])("%s", async (_, content, name, message, hint) => {
    await expectRejection(build(await fileWith([content], name)), "data", message, hint);
  });

  it("columns with a space before their names, whose mapping then works", async () => {
    const file = await fileWith(["prompt, completion", "q,a"], "train.csv");
    await expectRejection(build(file), "data", /no known format/, /columns: \{completion: " completion"\}/);
    expect(rowsOf(await build({ path: file, columns: { completion: " completion" } }))).toHaveLength(1);
  });
});

describe("is read as before:", () => {
  it.each([
    ["token ids, whose keys are all lists", { input_ids: [5, 6], labels: [5, 6] }],
    ["a prompt and a completion of messages", { prompt: messages.slice(0, 1), completion: messages.slice(1) }],
    ["a text that looks like JSON", { text: '{"a": 1}' }],
    ["a conversation with a role and a content of its own", { role: "x", content: "y", messages }],
  ])("%s", async (_, example) => {
    expect(rowsOf(await build(await fileWith([example])))).toHaveLength(1);
  });
});
