/** Without this, a data set in a usual shape is refused, or one in a wrong shape is learnt. */
import { describe, expect, it } from "vitest";
import { detectFormat, exampleReader, type DataFormat } from "../../../src/data/index.js";
import { expectError } from "./matchers.js";

const options = { chat: true, vocabSize: 100 };
const readAs = (format: DataFormat, value: unknown, chat = true) =>
  exampleReader(format, { ...options, chat })(value, "d.jsonl:3");

describe("the format of a file", () => {
  it.each<[DataFormat, unknown]>([
    ["messages", { messages: [], tools: [] }],
    ["prompt_completion", { completion: "b", prompt: "a" }],
    ["text", { text: "x", id: 1 }],
    ["tokens", { input_ids: [1], text: "kept for reading" }],
    ["alpaca", { instruction: "a", input: "", output: "b", text: "all of it" }],
    ["sharegpt", { conversations: [], id: "x" }],
  ])("%s is detected by its keys", (format, value) => {
    expect(detectFormat(value, "d.jsonl:1")).toBe(format);
  });

  it("is rejected if unknown, with its keys and the supported formats", () => {
    const call = (): unknown => detectFormat({ question: "a", answer: "b" }, "d.jsonl:1");
    expectError(call, "data", /^d\.jsonl:1: .*question, answer/, /messages.*prompt_completion \(prompt, completion\)/);
    expectError(
      () => detectFormat("text", "d.jsonl:1"),
      "data",
      /d\.jsonl:1: the example is a string; expected a JSON object/,
    );
  });
});

describe("messages", () => {
  it("keep every key for the template, and tools as a list or as JSON text", () => {
    const messages = [
      {
        role: "user",
        content: [
          { type: "text", text: "one " },
          { type: "text", text: "two" },
        ],
      },
      { role: "assistant", content: null, tool_calls: [{ name: "f", arguments: { a: 1 } }], thinking: "hm" },
      { role: "tool", content: "3", name: "f" },
    ];
    const expected = {
      kind: "chat",
      messages: [
        { role: "user", content: "one two" },
        { role: "assistant", tool_calls: [{ name: "f", arguments: { a: 1 } }], thinking: "hm" },
        { role: "tool", content: "3", name: "f" },
      ],
      tools: [{ name: "f" }],
      promptMessages: 0,
      context: new Set(),
      templateKwargs: null,
    };
    expect(readAs("messages", { messages, tools: [{ name: "f" }] })).toEqual(expected);
    expect(readAs("messages", { messages, tools: '[{"name":"f"}]' })).toEqual(expected);
    for (const tools of [undefined, null, [], "null", "[]"]) {
      expect(readAs("messages", { messages, tools })).toEqual({ ...expected, tools: null });
    }
  });

  it.each<[string, unknown, RegExp]>([
    ["a string", "hi", /d\.jsonl:3: "messages" is a string; expected a list of \{"role", "content"\}/],
    ["nothing", [], /"messages" is an empty list/],
    ["a message that is no object", ["hi"], /message 1 of "messages" is a string/],
    ["a message without a role", [{ content: "x" }], /"role" of message 1 of "messages" is missing/],
    [
      "a message without content",
      [{ role: "user" }],
      /"content" of message 1 of "messages" is missing; expected a string/,
    ],
    ["an empty list of calls", [{ role: "assistant", tool_calls: [] }], /"content" of message 1/],
    ["a number as content", [{ role: "user", content: 5 }], /"content" of message 1 .* is the number 5/],
    ["an image", [{ role: "user", content: [{ type: "image" }] }], /has a part of type "image"/],
  ])("are rejected with the line if %s", (_, messages, message) => {
    expectError(() => readAs("messages", { messages }), "data", message);
  });

  it("are rejected if tools are not a list", () => {
    const messages = [{ role: "user", content: "x" }];
    expectError(() => readAs("messages", { messages, tools: "[{" }), "data", /d\.jsonl:3: "tools" .* isn't JSON/);
    expectError(
      () => readAs("messages", { messages, tools: { a: 1 } }),
      "data",
      /"tools" is an object; expected a list/,
    );
  });
});

describe("prompt and completion", () => {
  it("are two strings, or two lists of messages", () => {
    expect(readAs("prompt_completion", { prompt: "a", completion: "b" })).toEqual({
      kind: "completion",
      prompt: "a",
      completion: "b",
    });
    const prompt = [{ role: "user", content: "a" }];
    const completion = [{ role: "assistant", content: "b" }];
    expect(readAs("prompt_completion", { prompt, completion })).toEqual({
      kind: "chat",
      messages: [...prompt, ...completion],
      tools: null,
      promptMessages: 1,
      context: new Set(),
      templateKwargs: null,
    });
  });

  it("are rejected if mixed or missing", () => {
    const prompt = [{ role: "user", content: "a" }];
    expectError(
      () => readAs("prompt_completion", { prompt, completion: "b" }),
      "data",
      /"completion" is a string; expected a list/,
    );
    expectError(
      () => readAs("prompt_completion", { prompt: "a", completion: prompt }),
      "data",
      /"completion" is a list; expected a string/,
    );
    expectError(
      () => readAs("prompt_completion", { prompt: "a" }),
      "data",
      /d\.jsonl:3: "completion" is missing; found keys: prompt/,
      /prompt and completion/,
    );
  });
});

describe("tokens", () => {
  it("are used unchanged; without labels all are supervised", () => {
    const ids = Int32Array.from([1, 99]);
    expect(readAs("tokens", { input_ids: [1, 99] })).toEqual({ kind: "tokens", inputIds: ids, labels: ids });
    expect(readAs("tokens", { input_ids: [1, 99], labels: [-100, 5] })).toEqual({
      kind: "tokens",
      inputIds: ids,
      labels: Int32Array.from([-100, 5]),
    });
  });

  it.each<[string, unknown, RegExp]>([
    [
      "an id beyond the vocabulary",
      { input_ids: [1, 100] },
      /d\.jsonl:3: "input_ids" has the number 100 at 1; expected an id from 0 to 99/,
    ],
    ["a negative id", { input_ids: [-1] }, /"input_ids" has the number -1 at 0/],
    ["-100 as an id", { input_ids: [-100] }, /"input_ids" has the number -100 at 0/],
    ["a fraction", { input_ids: [1.5] }, /the number 1.5/],
    ["a string", { input_ids: ["1"] }, /has a string at 0/],
    ["no ids", { input_ids: [] }, /"input_ids" is an empty list; expected a list of token ids/],
    [
      "a label beyond the vocabulary",
      { input_ids: [1], labels: [100] },
      /"labels" has the number 100 at 0; expected -100 or an id/,
    ],
    ["another number of labels", { input_ids: [1, 2], labels: [1] }, /d\.jsonl:3: 2 "input_ids" but 1 "labels"/],
    [
      "a mask of the loss without labels",
      { input_ids: [1, 2], completion_mask: [0, 1] },
      /"completion_mask" is not read, and without "labels" every token would be learnt/,
    ],
  ])("are rejected with %s", (_, value, message) => {
    expectError(() => readAs("tokens", value), "data", message);
  });
});

describe("Alpaca's format", () => {
  const value = { instruction: "Add.", input: "2 and 2", output: "4" };

  it("is a conversation if the model has a chat template", () => {
    const chat = (content: string) => ({
      kind: "chat",
      messages: [
        { role: "user", content },
        { role: "assistant", content: "4" },
      ],
      tools: null,
      promptMessages: 0,
      context: new Set(),
      templateKwargs: null,
    });
    expect(readAs("alpaca", value)).toEqual(chat("Add.\n\n2 and 2"));
    expect(readAs("alpaca", { ...value, input: "" })).toEqual(chat("Add."));
    expect(readAs("alpaca", { instruction: "Add.", output: "4" })).toEqual(chat("Add."));
  });

  it("is Stanford's prompt otherwise", () => {
    // The two prompts of tatsu-lab/stanford_alpaca, train.py (PROMPT_DICT).
    expect(readAs("alpaca", value, false)).toEqual({
      kind: "completion",
      prompt:
        "Below is an instruction that describes a task, paired with an input that provides further context. " +
        "Write a response that appropriately completes the request.\n\n" +
        "### Instruction:\nAdd.\n\n### Input:\n2 and 2\n\n### Response:",
      completion: "4",
    });
    expect(readAs("alpaca", { instruction: "Add.", output: "4" }, false)).toEqual({
      kind: "completion",
      prompt:
        "Below is an instruction that describes a task. " +
        "Write a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Response:",
      completion: "4",
    });
  });

  it("is rejected with a field of another type", () => {
    expectError(() => readAs("alpaca", { ...value, input: 4 }), "data", /d\.jsonl:3: "input" is the number 4/);
    expectError(() => readAs("alpaca", { instruction: "x" }), "data", /"output" is missing/);
  });
});

describe("ShareGPT's format", () => {
  it("is a conversation with the usual roles", () => {
    const conversations = [
      { from: "human", value: "a" },
      { from: "gpt", value: "b" },
      { from: "observation", value: "c" },
      { from: "assistant", value: "d" },
    ];
    expect(readAs("sharegpt", { conversations, system: "s" })).toEqual({
      kind: "chat",
      messages: [
        { role: "system", content: "s" },
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
        { role: "tool", content: "c" },
        { role: "assistant", content: "d" },
      ],
      tools: null,
      promptMessages: 0,
      context: new Set(),
      templateKwargs: null,
    });
  });

  it("is rejected with an unknown sender or another structure", () => {
    const from = (turn: unknown) => () => readAs("sharegpt", { conversations: [turn] });
    expectError(
      from({ from: "alien", value: "x" }),
      "data",
      /d\.jsonl:3: turn 1 of "conversations" is from "alien"/,
      /human.*gpt/,
    );
    expectError(from({ value: "x" }), "data", /"role" of turn 1 of "conversations" is missing/);
    expectError(from({ from: "gpt" }), "data", /"value" of turn 1 of "conversations" is missing/);
  });
});

describe("the attention_mask of tokens", () => {
  it.each([
    ["at the end", [5, 6, 7, 0, 0], [1, 1, 1, 0, 0]],
    ["at the start", [0, 0, 5, 6, 7], [0, 0, 1, 1, 1]],
    ["at both ends", [0, 5, 6, 7, 0], [0, 1, 1, 1, 0]],
    ["nowhere", [5, 6, 7], [1, 1, 1]],
    ["nowhere, as its mask is null", [5, 6, 7], null],
  ])("excludes padding: %s", (_, inputIds, mask) => {
    const kept = Int32Array.of(5, 6, 7);
    const labels = inputIds.map((id) => (id === 5 ? -100 : id));
    const line = { input_ids: inputIds, attention_mask: mask };
    expect(readAs("tokens", line)).toEqual({ kind: "tokens", inputIds: kept, labels: kept });
    expect(readAs("tokens", { ...line, labels })).toEqual({
      kind: "tokens",
      inputIds: kept,
      labels: Int32Array.of(-100, 6, 7),
    });
  });

  it.each([
    [[1, 0, 1], /d\.jsonl:3: "attention_mask" is 0 at 1, between tokens/],
    [[0, 0, 0], /d\.jsonl:3: "attention_mask" is 0 everywhere/],
    [[1, 1], /d\.jsonl:3: 3 "input_ids" but 2 in "attention_mask"/],
    [[1, 1, 2], /d\.jsonl:3: "attention_mask" has the number 2 at 2; expected 0 or 1/],
    [[1, 1, true], /d\.jsonl:3: "attention_mask" has the boolean true at 2; expected 0 or 1/],
    ["111", /d\.jsonl:3: "attention_mask" is a string; expected a list of 0 and 1/],
  ])("is rejected with the line if unsupported: %j", (mask, message) => {
    const line = { input_ids: [1, 2, 3], attention_mask: mask };
    expectError(() => readAs("tokens", line), "data", message);
  });
});
