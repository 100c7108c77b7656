/** Without this, a tool call is learnt with other numbers, or with its arguments in another order, than in the file. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ChatTemplate, readRecords } from "../../../src/data/index.js";
import { exampleReader } from "../../../src/data/formats/index.js";
import { folderWith } from "./support.js";

const args = '{"10": 21.0, "2": 12345678901234567890, "b": [1e400, 1e16, -0.0, 5], "a": {"1": null}}';
/** json.dumps(json.loads(args)) */
const learnt = '{"10": 21.0, "2": 12345678901234567890, "b": [Infinity, 1e+16, -0.0, 5], "a": {"1": null}}';

const template = new ChatTemplate(
  "{{ tools | tojson }}{% for m in messages %}{% for c in m.tool_calls %}{{ c | tojson }}{% endfor %}" +
    "{{ '|' ~ m.score if m.score }}{% endfor %}",
  { specialTokens: {}, controlTokens: new Set(), origin: "the test" },
);

async function rendered(file: string, text: string): Promise<string[]> {
  const folder = await folderWith({ [file]: text });
  const read = exampleReader("messages", { chat: true, vocabSize: 10 });
  const texts: string[] = [];
  for await (const { value, where } of readRecords(path.join(folder, file))) {
    const example = read(value, where);
    if (example.kind === "chat") texts.push(template.render(example));
  }
  return texts;
}

const conversation = (tools: string): string =>
  `{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [${args}], "score": 3.0}], "tools": ${tools}}`;

describe("templates see the numbers and key order of the file", () => {
  const expected = `[${learnt}]${learnt}|3.0`;

  it.each([
    ["a line", "a.jsonl", conversation(`[${args}]`)],
    ["a list", "a.json", `[\n${conversation(`[${args}]`)}\n]`],
    ["tools that are a JSON text", "a.jsonl", conversation(JSON.stringify(`[${args}]`))],
  ])("in %s", async (_, file, text) => {
    expect(await rendered(file, `${text}\n`)).toEqual([expected]);
  });
});

describe("token ids", () => {
  it("may be written as floats, as some exports do", async () => {
    const folder = await folderWith({ "t.jsonl": '{"input_ids": [1.0, 2, 3]}\n' });
    const read = exampleReader("tokens", { chat: false, vocabSize: 10 });
    for await (const { value, where } of readRecords(folder)) {
      expect(read(value, where)).toMatchObject({ inputIds: Int32Array.of(1, 2, 3) });
    }
  });
});
