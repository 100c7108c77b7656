/** Without this, a column of the data is dropped in silence, or data of another purpose are learnt. */
import { describe, expect, it } from "vitest";
import { detectFormat, exampleReader, type DataFormat } from "../../../src/data/index.js";
import { expectError, expectRejection } from "./matchers.js";
import { buildLines, rowsOf } from "./stores.js";

const read = (format: DataFormat, value: unknown, chat = true) =>
  exampleReader(format, { chat, vocabSize: 100 })(value, "d.jsonl:3");
const messagesOf = (format: DataFormat, value: unknown) => {
  const example = read(format, value);
  return example.kind === "chat" ? example.messages : null;
};
const system = { role: "system", content: "Be brief." };
const user = (content: string) => ({ role: "user", content });
const answer = (content: string) => ({ role: "assistant", content });

describe("Alpaca's columns", () => {
  const line = { instruction: "Three?", input: "", output: "3" };
  const history = [
    ["One?", "1"],
    ["Two?", "2"],
  ];

  it("system, history and tools belong to the conversation", () => {
    expect(read("alpaca", { ...line, system: "Be brief.", history, tools: [{ name: "f" }] })).toEqual({
      kind: "chat",
      messages: [system, user("One?"), answer("1"), user("Two?"), answer("2"), user("Three?"), answer("3")],
      tools: [{ name: "f" }],
      promptMessages: 0,
      context: new Set(),
      templateKwargs: null,
    });
  });

  it("the answers of history are learnt, too", async () => {
    const [row] = rowsOf(await buildLines([{ ...line, history }]));
    const messages = [user("One?"), answer("1"), user("Two?"), answer("2"), user("Three?"), answer("3")];
    expect([row]).toEqual(rowsOf(await buildLines([{ messages }])));
  });

  it.each([null, "", []])("have no effect if they are empty: %j", (nothing) => {
    const more = { system: nothing, history: nothing === "" ? null : nothing, tools: nothing };
    expect(read("alpaca", { ...line, ...more })).toEqual(read("alpaca", line));
  });

  it.each(["system", "history", "tools"])("%s is refused with Stanford's prompt, which has no place for it", (key) => {
    const value = { system: "Be brief.", history, tools: [{ name: "f" }] }[key];
    expectError(
      () => read("alpaca", { ...line, [key]: value }, false),
      "data",
      new RegExp(`^d\\.jsonl:3: "${key}" has no place in Stanford Alpaca's prompt`),
      /Set data\.chat_template, or remove/,
    );
  });

  it.each([
    [[["One?"]], /item 1 of "history" is a list; expected pairs of two texts/],
    [[["One?", "1"], "Two?"], /item 2 of "history" is a string/],
    ["One?", /"history" is a string; expected pairs/],
  ])("are rejected if history has another structure: %j", (given, message) => {
    expectError(() => read("alpaca", { ...line, history: given }), "data", message, /\[\["what the user said"/);
  });
});

describe("system beside a conversation becomes its first message", () => {
  it.each<[DataFormat, object]>([
    ["messages", { messages: [user("x"), answer("y")] }],
    [
      "sharegpt",
      {
        conversations: [
          { from: "human", value: "x" },
          { from: "gpt", value: "y" },
        ],
      },
    ],
    ["prompt_completion", { prompt: [user("x")], completion: [answer("y")] }],
  ])("%s", (format, line) => {
    const expected = [system, user("x"), answer("y")];
    expect(messagesOf(format, { ...line, system: "Be brief." })).toEqual(expected);
    expect(messagesOf(format, { ...line, system: [{ text: "Be brief." }] })).toEqual(expected);
    expect(messagesOf(format, { ...line, system: null })).toEqual(expected.slice(1));
  });

  it("once, if it is there already; another one is rejected", () => {
    const messages = [system, user("x"), answer("y")];
    expect(messagesOf("messages", { messages, system: "Be brief." })).toEqual(messages);
    expectError(() => read("messages", { messages, system: "Be kind." }), "data", /"system" differs from the system/);
  });
});

describe("conversations in other forms", () => {
  const expected = [user("x"), answer("y")];

  it.each<[string, DataFormat, object]>([
    ["messages under conversations", "sharegpt", { conversations: expected }],
    [
      "turns under messages",
      "messages",
      {
        messages: [
          { from: "user", value: "x" },
          { from: "assistant", value: "y" },
        ],
      },
    ],
    ["texts by turns, as in LIMA", "sharegpt", { conversations: ["x", "y"] }],
    ["JSON text, as in a table", "messages", { messages: JSON.stringify(expected) }],
    [
      "parts of text",
      "messages",
      { messages: [{ role: "user", content: [{ type: "text", text: "x", image_url: null }] }, expected[1]] },
    ],
    [
      "parts without a type, as Bedrock's",
      "messages",
      { messages: [{ role: "user", content: [{ text: "x" }] }, expected[1]] },
    ],
    [
      "null keys of turns",
      "sharegpt",
      {
        conversations: [
          { from: "human", value: "x", weight: null, name: null },
          { from: "gpt", value: "y" },
        ],
      },
    ],
  ])("%s", (_, format, line) => {
    expect(messagesOf(format, line)).toEqual(expected);
  });

  it("parts of another kind are rejected by name", () => {
    const content = (part: unknown) => () => read("messages", { messages: [{ role: "user", content: [part] }] });
    expectError(
      content({ type: "image_url", image_url: {} }),
      "data",
      /"content" of message 1 of "messages" has a part of type "image_url"/,
    );
    expectError(content({ type: "tool_use", id: "1" }), "data", /a part of type "tool_use"/);
    expectError(content({ type: "text", text: 5 }), "data", /a part whose "text" is the number 5/);
  });

  it("a key of a turn that nothing reads is reported", async () => {
    const warnings: string[] = [];
    await buildLines(
      [
        {
          conversations: [
            { from: "human", value: "x", markdown: "x" },
            { from: "gpt", value: "y" },
          ],
        },
      ],
      {},
      warnings,
    );
    expect(warnings).toEqual([expect.stringMatching(/:1, "markdown"\) have a key in a message that neither/)]);
  });
});

describe("every key that other programs use is reported once, with its count and first line", () => {
  it.each<[string, object, string[]]>([
    ["messages", { messages: [user("x"), answer("y")], images: ["a.png"], documents: [{}] }, ["images", "documents"]],
    ["prompt and completion", { prompt: "a", completion: " b", system: "s", tools: [{}] }, ["system", "tools"]],
    ["tokens", { input_ids: [3, 4], labels: [-100, 4], loss_mask: [0, 1] }, ["loss_mask"]],
  ])("%s", async (_, line, keys) => {
    const warnings: string[] = [];
    const plain = Object.fromEntries(Object.entries(line).filter(([key]) => !keys.includes(key)));
    await buildLines([plain, line, line], {}, warnings);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^Keys that this format ignores, although other programs use them in training: /);
    for (const key of keys) expect(warnings[0]).toMatch(new RegExp(`"${key}" \\(2 of 3 examples, first: \\S+:2\\)`));
  });
});

describe("data for another kind of training are rejected by what they are", () => {
  const dialogue = [user("x"), answer("y")];

  it.each<[string, object, RegExp, RegExp]>([
    [
      "texts",
      { prompt: "q", chosen: "a", rejected: "b" },
      /preference data \("chosen" and "rejected"/,
      /\{path: \.\.\., columns: \{completion: chosen\}\}/,
    ],
    ["conversations", { chosen: dialogue, rejected: dialogue }, /preference data/, /columns: \{messages: chosen\}/],
    ["texts without a prompt", { chosen: "q a", rejected: "q b" }, /preference data/, /write them as conversations/],
    [
      "LLaMA-Factory's",
      { conversations: [{ from: "human", value: "x" }], chosen: {}, rejected: {} },
      /preference data/,
      /./,
    ],
    [
      "OpenAI's",
      { input: { messages: [] }, preferred_output: [], non_preferred_output: [] },
      /preference data/,
      /input\.messages/,
    ],
    ["a whole conversation as a text", { system: "SYSTEM: x", chat: "USER: x" }, /in one text/, /split the text/],
    ["judged steps", { prompt: "x", completions: ["y"], labels: [true] }, /process reward model/, /whole answers/],
    [
      "a tree of messages",
      { message_id: "1", parent_id: null, text: "x", role: "prompter" },
      /a message of a tree/,
      /parent_id/,
    ],
  ])("%s", (_, line, message, hint) => {
    expectError(() => detectFormat(line, "d.jsonl:1"), "data", message, hint);
    expectError(() => detectFormat(line, "d.jsonl:1"), "data", /^d\.jsonl:1: this is /);
  });

  it.each<[object]>([
    [{ prompt: "q", completion: " b", label: false }],
    [{ messages: dialogue, label: false }],
    [{ instruction: "q", output: "b", kto_tag: false }],
  ])("an answer marked as undesirable is not learnt: %j", async (line) => {
    await expectRejection(
      buildLines([line]),
      "data",
      /train\.jsonl:1: "(label|kto_tag)" is false: .*undesirable/,
      /skip/,
    );
    expect((await buildLines([{ ...line, label: true, kto_tag: true }])).statistics.examples).toBe(1);
  });

  it("but a text may have a label, and messages the answers that were compared", async () => {
    expect((await buildLines([{ text: "a b", label: false }])).statistics.examples).toBe(1);
    expect(detectFormat({ messages: dialogue, chosen: dialogue, rejected: dialogue }, "d.jsonl:1")).toBe("messages");
  });
});

describe("unknown columns are answered with the mapping that fits", () => {
  it.each<[object, string]>([
    [{ question: "a", answer: "b" }, "{prompt: question, completion: answer}"],
    [{ input: "a", output: "b" }, "{prompt: input, completion: output}"],
    [{ Question: "a", Answer: "b", id: 1 }, "{prompt: Question, completion: Answer}"],
    [{ instruction: "a", context: "c", response: "b", category: "x" }, "{input: context, output: response}"],
    [
      { system_prompt: "s", question: "a", response: "b" },
      "{instruction: question, system: system_prompt, output: response}",
    ],
    [{ query: "a", response: "b", history: [] }, "{instruction: query, output: response}"],
    [{ kind: "x", input: "a", target: "b" }, "{prompt: input, completion: target}"],
    [{ problem: "a", solution: "b" }, "{prompt: problem, completion: solution}"],
    [{ conversation: [user("x")] }, "{messages: conversation}"],
    [{ id: "1", data: ["x", "y"] }, "{conversations: data}"],
    [{ content: "x", path: "y" }, "{text: content}"],
  ])("%j: %s", (line, columns) => {
    const call = (): unknown => detectFormat(line, "d.jsonl:1");
    const escaped = columns.replaceAll("{", "\\{").replaceAll("}", "\\}");
    expectError(call, "data", /^d\.jsonl:1: no known format has these keys: /, new RegExp(`columns: ${escaped}`));
  });

  it("and without a mapping if none fits", () => {
    expectError(
      () => detectFormat({ a: 1, b: {} }, "d.jsonl:1"),
      "data",
      /these keys: a, b/,
      /^Convert it to a format.*Formats and their keys: /,
    );
  });
});
