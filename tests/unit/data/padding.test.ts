/** Without this, the nulls that a Parquet file needs for its columns are learnt as part of tools and calls. */
import { describe, expect, it } from "vitest";
import { exampleReader } from "../../../src/data/index.js";
import { build, rowsOf } from "./stores.js";
import { inRepository } from "./support.js";

const call = { name: "f", arguments: { city: "Bonn", unit: null } };
const user = { role: "user", content: "x" };

function readChat(value: unknown) {
  const example = exampleReader("messages", { chat: true, vocabSize: 10 })(value, "d.jsonl:1");
  if (example.kind !== "chat") throw new Error("not a conversation");
  return example;
}
const toolsOf = (tools: unknown) => readChat({ messages: [user], tools }).tools;
const tool = (parameters: object, more: object = {}) => ({
  type: "function",
  function: { name: "f", parameters: { type: "object", ...parameters }, ...more },
});

describe("nulls that pad tools are dropped at every depth", () => {
  const city = { type: "string", description: "A city" };

  it.each([
    ["properties of other tools", tool({ properties: { city, unit: null } }), tool({ properties: { city } })],
    [
      "keywords of other properties",
      tool({ properties: { city: { ...city, enum: null, default: null, items: { type: null } } } }),
      tool({ properties: { city: { ...city, items: {} } } }),
    ],
    ["keys of other tools", tool({}, { strict: null, description: null }), tool({})],
    [
      "a property whose name is a keyword",
      tool({ properties: { default: null, enum: { type: "string" } } }),
      tool({ properties: { enum: { type: "string" } } }),
    ],
  ])("%s", (_, padded, expected) => {
    expect(toolsOf([padded])).toEqual([expected]);
  });
});

describe("nulls that mean something in tools are kept", () => {
  it.each([
    ["an element of enum", tool({ properties: { unit: { enum: ["C", null] } } })],
    ["a default written by hand", tool({ properties: { unit: { type: ["string", "null"], default: null } } })],
    ["const", tool({ properties: { unit: { const: null } } })],
    ["an example of arguments", tool({ examples: [{ unit: null }] })],
    ["a key that JSON schema does not have", tool({ "x-origin": null })],
  ])("%s", (_, given) => {
    expect(toolsOf([given])).toEqual([given]);
  });

  it("in JSON text, which is never padded", () => {
    const given = tool({ properties: { city: { type: "string", enum: null } } });
    expect(toolsOf(JSON.stringify([given]))).toEqual([given]);
  });

  it("an element of enum, also among padding", () => {
    const padded = tool({ properties: { unit: { enum: ["C", null], description: null } } });
    expect(toolsOf([padded])).toEqual([tool({ properties: { unit: { enum: ["C", null] } } })]);
  });
});

describe("nulls in messages", () => {
  it("are dropped with their keys", () => {
    const padded = { role: "user", content: "x", name: null, tool_calls: null, tool_call_id: null, weight: null };
    expect(readChat({ messages: [padded] }).messages).toEqual([user]);
  });

  it("are dropped at every depth of calls where all messages have the same keys", () => {
    const messages = [
      { ...user, tool_calls: null },
      { role: "assistant", content: null, tool_calls: [{ id: null, type: "function", function: call }] },
    ];
    expect(readChat({ messages }).messages[1]).toEqual({
      role: "assistant",
      tool_calls: [{ type: "function", function: { name: "f", arguments: { city: "Bonn" } } }],
    });
    const lists = [{ ...user, tool_calls: [] }, messages[1]];
    expect(readChat({ messages: lists }).messages[1]).toEqual(readChat({ messages }).messages[1]);
  });

  it("are kept in arguments written by hand, and in JSON text", () => {
    const byHand = [user, { role: "assistant", tool_calls: [{ id: null, function: call }] }];
    expect(readChat({ messages: byHand }).messages[1]).toEqual({ role: "assistant", tool_calls: [{ function: call }] });
    const text = JSON.stringify(call.arguments);
    const rows = [
      { ...user, tool_calls: null },
      { role: "assistant", content: null, tool_calls: [{ function: { ...call, arguments: text } }] },
    ];
    expect(readChat({ messages: rows }).messages[1]).toEqual({ role: "assistant", tool_calls: [{ function: call }] });
  });
});

describe("conversations with tools give the same rows by hand and from a table", () => {
  const chat_template =
    "{% for t in tools %}{{ t | tojson }}\n{% endfor %}{% for m in messages %}{{ m.role }}{{ m.name or '' }}\n" +
    "{{ m.content or '' }}{{ m.tool_calls | tojson if m.tool_calls is defined }}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}assistant\n{% endif %}";
  const rows = async (name: string) =>
    rowsOf(await build(inRepository("tests/golden/padding", name), { chat_template, max_length: 4096 }));

  it.each([
    ["as Parquet", "padded.parquet"],
    ["as JSON lines exported from Parquet", "exported.jsonl"],
  ])("%s", async (_, name) => {
    const expected = await rows("by-hand.jsonl");
    expect(expected).toHaveLength(2);
    expect(await rows(name)).toEqual(expected);
  });
});
