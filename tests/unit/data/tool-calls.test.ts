/** Without this, tool calls are learnt with their backslashes, or not at all. */
import { describe, expect, it } from "vitest";
import { exampleReader } from "../../../src/data/index.js";
import { expectError, expectRejection } from "./matchers.js";
import { buildLines, rowsOf, supervisedText, tokenizer } from "./stores.js";

const read = (value: unknown, format: "messages" | "sharegpt" = "messages") =>
  exampleReader(format, { chat: true, vocabSize: 100 })(value, "d.jsonl:3");
const user = { role: "user", content: "How is the weather?" };
const calling = (given: unknown) => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id: "call_1", type: "function", function: { name: "weather", arguments: given } }],
});

/** Writes what it is given of calls. */
const calls =
  "{% for m in messages %}{{ m.role }}\n{{ m.content or '' }}{% for c in m.tool_calls or [] %}{{ c.function | tojson }}" +
  "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}assistant\n{% endif %}";

async function learnt(line: unknown, chat_template = calls, warnings: string[] = []): Promise<string> {
  const [row] = rowsOf(await buildLines([line], { chat_template }, warnings));
  return supervisedText(row!);
}

describe("arguments given as JSON text are learnt as an object", () => {
  it.each([
    ['{"city": "Bonn", "days": 2}', '{"city": "Bonn", "days": 2}'],
    ["{}", "{}"],
    [
      '{"b": {"10": 1, "2": 1.0}, "a": 12345678901234567890, "c": null}',
      '{"b": {"10": 1, "2": 1.0}, "a": 12345678901234567890, "c": null}',
    ],
    [' {"city":"Köln"}\n', '{"city": "Köln"}'],
  ])("%s", async (text, written) => {
    const expected = `{"name": "weather", "arguments": ${written}}<|im_end|>`;
    expect(await learnt({ messages: [user, calling(text)] })).toBe(expected);
  });

  it("without the level of function, and in several calls", () => {
    const messages = [user, { role: "assistant", tool_calls: [{ name: "f", arguments: '{"a": 1}' }, { name: "g" }] }];
    expect(read({ messages })).toMatchObject({
      messages: [{}, { tool_calls: [{ name: "f", arguments: { a: 1 } }, { name: "g" }] }],
    });
  });

  it("and stay the text for a template that would print an object as Python does", async () => {
    const source = calls.replace("c.function | tojson", "c.function.arguments");
    expect(await learnt({ messages: [user, calling('{"city":"Bonn"}')] }, source)).toBe('{"city":"Bonn"}<|im_end|>');
    expect(await learnt({ messages: [user, calling({ city: "Bonn" })] }, source)).toBe("{'city': 'Bonn'}<|im_end|>");
  });

  it("and stay the text for a template that can write nothing else", async () => {
    const source = calls.replace("c.function | tojson", "'[' + c.function.arguments + ']'");
    expect(await learnt({ messages: [user, calling('{"city":"Bonn"}')] }, source)).toBe('[{"city":"Bonn"}]<|im_end|>');
    await expectRejection(
      learnt({ messages: [user, calling({ city: "Bonn" })] }, source),
      "data",
      /can only concatenate/,
      /give them as JSON text/,
    );
  });
});

describe("a message that only calls", () => {
  const needing = (call: string): string =>
    calls.replace("m.content or ''", `m.content + '' `).replace("c.function | tojson", call);

  it.each([
    [
      "a template that cannot do without its content",
      "c.function | tojson",
      '{"name": "weather", "arguments": {"city": "Bonn"}}',
    ],
    ["nor with arguments as an object", "c.function.name + c.function.arguments", 'weather{"city": "Bonn"}'],
  ])("is given empty content for %s", async (_, call, written) => {
    const source = needing(call);
    const expected = `${written}<|im_end|>`;
    expect(await learnt({ messages: [user, calling('{"city": "Bonn"}')] }, source)).toBe(expected);
    const absent = { role: "assistant", tool_calls: calling('{"city": "Bonn"}').tool_calls };
    expect(await learnt({ messages: [user, absent] }, source)).toBe(expected);
    const older = {
      role: "assistant",
      content: null,
      function_call: { name: "weather", arguments: '{"city": "Bonn"}' },
    };
    expect(await learnt({ messages: [user, older] }, source)).toBe(expected);
  });

  it("stays without for a template that does not write calls", async () => {
    const messages = [user, calling("{}")];
    await expectRejection(learnt({ messages }, needing("''")), "data", /no attribute 'content'/);
    const source = needing("''").replace("m.tool_calls", "[]");
    await expectRejection(
      learnt({ messages }, source),
      "data",
      /no attribute 'content'/,
      /set a template that writes tool_calls/,
    );
  });
});

describe("arguments that are no JSON object are rejected with the message and the call", () => {
  it.each([
    ["{'city': 'Bonn'}", /"arguments" of call 1 of message 2 of "messages" is text that isn't JSON: /],
    ["", /"arguments" of call 1 of message 2 of "messages" is text that isn't JSON/],
    ["[1]", /is JSON text of a list/],
    ['"{}"', /is JSON text of a string/],
    ["null", /is JSON text of null/],
  ])("%s", (text, message) => {
    const call = (): unknown => read({ messages: [user, calling(text)] });
    expectError(call, "data", message, /as a JSON object/);
    expectError(call, "data", /^d\.jsonl:3: /);
  });

  it("in a second call, and in function_call", () => {
    const two = {
      role: "assistant",
      tool_calls: [
        { name: "f", arguments: "{}" },
        { name: "g", arguments: "{" },
      ],
    };
    expectError(() => read({ messages: [user, two] }), "data", /of call 2 of message 2/);
    const older = { role: "assistant", function_call: { name: "f", arguments: "{" } };
    expectError(() => read({ messages: [older] }), "data", /"arguments" of "function_call" of message 1 of "messages"/);
  });

  it.each([
    [[1], "a list"],
    [5, "the number 5"],
    [true, "the boolean true"],
  ])("%j", (given, described) => {
    const call = (): unknown => read({ messages: [user, calling(given)] });
    expectError(
      call,
      "data",
      new RegExp(`"arguments" of call 1 of message 2 of "messages" is ${described}; expected a JSON object`),
    );
  });

  it("but null is a call without arguments", () => {
    const [, message] = (read({ messages: [user, calling(null)] }) as unknown as { messages: object[] }).messages;
    expect(message).toMatchObject({ tool_calls: [{ function: { name: "weather", arguments: {} } }] });
    const rows = [{ ...user, tool_calls: null }, calling(null)];
    expect((read({ messages: rows }) as unknown as { messages: object[] }).messages[1]).toMatchObject(message!);
  });

  it("as are calls of another structure", () => {
    const wrong = (tool_calls: unknown) => () => read({ messages: [{ role: "assistant", content: "", tool_calls }] });
    expectError(wrong("f()"), "data", /"tool_calls" of message 1 of "messages" is a string; expected a list of calls/);
    expectError(wrong(["f()"]), "data", /call 1 of message 1 of "messages" is a string; expected a JSON object/);
    expectError(wrong([{ function: "f" }]), "data", /"function" of call 1 of message 1 of "messages" is a string/);
  });
});

describe("OpenAI's older form is learnt like the newer one", () => {
  const older = {
    functions: [{ name: "weather", parameters: { type: "object", properties: {} } }],
    messages: [
      user,
      { role: "assistant", content: null, function_call: { name: "weather", arguments: '{"city": "Bonn"}' } },
      { role: "function", content: "clear" },
      { role: "assistant", content: "It is clear." },
    ],
  };
  const newer = {
    tools: [{ type: "function", function: older.functions[0] }],
    messages: [
      user,
      calling({ city: "Bonn" }),
      { role: "tool", content: "clear" },
      { role: "assistant", content: "It is clear." },
    ],
  };
  const withTools = `{% for t in tools or [] %}{{ t | tojson }}\n{% endfor %}${calls}`;

  it("functions, function_call and the role function", async () => {
    const warnings: string[] = [];
    const [one] = rowsOf(await buildLines([older], { chat_template: withTools }, warnings));
    const [other] = rowsOf(await buildLines([newer], { chat_template: withTools }));
    expect(await tokenizer.decode(one!.ids)).toBe(await tokenizer.decode(other!.ids));
    expect(one).toEqual(other);
    expect(warnings).toEqual([]);
  });

  it("unless the template reads the older form itself", async () => {
    const reads =
      "{% for m in messages %}{{ m.role }}\n{{ m.content or m.function_call | tojson }}<|im_end|>\n{% endfor %}" +
      "{% if add_generation_prompt %}assistant\n{% endif %}";
    const [row] = rowsOf(await buildLines([older], { chat_template: reads }));
    expect(await tokenizer.decode(row!.ids)).toContain("<|im_end|>\nfunction\nclear<|im_end|>");
    expect(await supervisedText(row!)).toContain('{"name": "weather", "arguments": {"city": "Bonn"}}<|im_end|>');
  });

  it("and calls that the template omits are reported", async () => {
    const silent = calls.replace(/\{% for c.*?endfor %\}/, "");
    const warnings: string[] = [];
    await learnt({ messages: older.messages }, silent, warnings);
    expect(warnings).toEqual([
      expect.stringMatching(/^1 of 1 examples .* have tool_calls that the chat template omits/),
      expect.stringMatching(/have an answer that renders to nothing/),
    ]);
  });

  it("but not both at the same time", () => {
    expectError(
      () => read({ ...older, ...newer }),
      "data",
      /^d\.jsonl:3: the example has both "tools" and "functions"/,
    );
  });
});

describe("LLaMA-Factory's turns of function_call and observation", () => {
  const turns = (value: string) => ({
    conversations: [
      { from: "human", value: "How is the weather?" },
      { from: "function_call", value },
      { from: "observation", value: "clear" },
      { from: "gpt", value: "It is clear." },
    ],
  });

  it("are a call and its result", () => {
    const call = { type: "function", function: { name: "weather", arguments: { city: "Bonn" } } };
    const text = '{"name": "weather", "arguments": {"city": "Bonn"}}';
    for (const [value, tool_calls] of [
      [text, [call]],
      [`[${text}, ${text.replace('{"city": "Bonn"}', '"{\\"city\\": \\"Bonn\\"}"')}]`, [call, call]],
    ] as const) {
      expect(read(turns(value), "sharegpt")).toMatchObject({
        messages: [{ role: "user" }, { role: "assistant", tool_calls }, { role: "tool", content: "clear" }, {}],
      });
    }
  });

  it.each([
    ["weather(Bonn)", /"value" of turn 2 of "conversations" isn't JSON/],
    ['{"arguments": {}}', /call 1 of turn 2 of "conversations" has no name/],
    ['["f"]', /call 1 of turn 2 of "conversations" is a string/],
  ])("are rejected if they are no call: %s", (value, message) => {
    expectError(() => read(turns(value), "sharegpt"), "data", message);
  });
});
