import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readQuestions, type Question } from "../../../src/generation/questions.js";
import { evalFile, temporaryFile, tinyText } from "./support.js";

interface Read {
  readonly where: string;
  readonly text: string;
  /** Decoded, special tokens and all. */
  readonly prompt: string;
  readonly answer: string;
}

async function read(lines: readonly unknown[], template: string | null = null, limit?: number): Promise<Read[]> {
  return readFrom(await temporaryFile("eval.jsonl", lines), template, limit);
}

async function readFrom(source: string, template: string | null = null, limit?: number): Promise<Read[]> {
  const { tokenizer, templates } = await tinyText(template);
  const common = { source, format: "auto" as const, tokenizer, templates };
  const questions = await readQuestions(limit === undefined ? common : { ...common, limit });
  return Promise.all(
    questions.map(async ({ where, text, prompt, answer }: Question) => ({
      where: where.slice(where.lastIndexOf("/") + 1),
      text,
      prompt: await tokenizer.decode(prompt),
      answer: await tokenizer.decode(answer),
    })),
  );
}

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

describe("a conversation's question", () => {
  it("is everything before the last assistant message, with the header of the assistant's turn", async () => {
    const [question] = await read([
      { messages: [user("hi"), assistant("hello"), user("light on"), assistant("done")] },
    ]);
    expect(question).toEqual({
      where: "eval.jsonl:1",
      text: "light on",
      prompt:
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nhello<|im_end|>\n" +
        "<|im_start|>user\nlight on<|im_end|>\n<|im_start|>assistant\n",
      answer: "done<|im_end|>\n",
    });
  });

  it("ignores messages after the last assistant message", async () => {
    const [question] = await read([{ messages: [user("hi"), assistant("hello"), user("and then?")] }]);
    expect([question?.text, question?.answer]).toEqual(["hi", "hello<|im_end|>\n"]);
  });

  it("is asked with the example's variables of the chat template", async () => {
    const template =
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}" +
      "{% if add_generation_prompt %}[assistant]{% endif %}{% if think is defined %}{{ think }}{% endif %}";
    const messages = [user("on"), assistant("done")];
    const [plain, own] = await read([{ messages }, { messages, chat_template_kwargs: { think: "no" } }], template);
    expect([plain?.prompt, own?.prompt]).toEqual(["[user]on[assistant]", "[user]on[assistant]no"]);
  });

  it("is the last answer that is learnt: one of weight 0 is context", async () => {
    const messages = [user("hi"), assistant("hello"), user("bye"), { ...assistant("wrong"), weight: 0 }];
    const [question] = await read([{ messages }]);
    expect([question?.text, question?.answer]).toEqual(["hi", "hello<|im_end|>\n"]);
  });

  it("is asked with the history as it is rendered before the answer, where the answer changes that", async () => {
    const template =
      "{% for m in messages %}[{{ m.role }}{{ '!' if loop.last and m.role == 'user' }}]{{ m.content }}<|im_end|>{% endfor %}" +
      "{% if add_generation_prompt %}[assistant]{% endif %}";
    const [question] = await read([{ messages: [user("on"), assistant("done")] }], template);
    expect([question?.prompt, question?.answer]).toEqual(["[user!]on<|im_end|>[assistant]", "done<|im_end|>"]);
  });

  it("expects the answer as the template renders it, such as a tool call", async () => {
    const template =
      "{% for m in messages %}[{{ m.role }}]{{ m.content or '' }}" +
      "{% for call in m.tool_calls or [] %}<call>{{ call.function.name }}</call>{% endfor %}<|im_end|>{% endfor %}" +
      "{% if add_generation_prompt %}[assistant]{% endif %}";
    const call = { role: "assistant", content: null, tool_calls: [{ type: "function", function: { name: "lamp" } }] };
    const [question] = await read([{ messages: [user("on"), call] }], template);
    expect([question?.prompt, question?.answer]).toEqual([
      "[user]on<|im_end|>[assistant]",
      "<call>lamp</call><|im_end|>",
    ]);
  });

  it("expects the message's content if the turn is not rendered with its header", async () => {
    const template =
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}" +
      "{% if add_generation_prompt %}[answer]{% endif %}";
    const [question] = await read([{ messages: [user("on"), assistant("done")] }], template);
    expect([question?.prompt, question?.answer]).toEqual(["[user]on[answer]", "done"]);
  });

  it("uses the template for tools if there are tools", async () => {
    const { tokenizer, templates } = await tinyText();
    const other = await tinyText("{{ tools | length }} tools{% if not add_generation_prompt %}: yes{% endif %}");
    const source = await temporaryFile("eval.jsonl", [{ messages: [user("on"), assistant("yes")], tools: [{}, {}] }]);
    const both = { plain: templates.plain, tools: other.templates.plain };
    const [question] = await readQuestions({ source, format: "auto", tokenizer, templates: both });
    expect(await tokenizer.decode(question!.prompt)).toBe("2 tools");
    expect(await tokenizer.decode(question!.answer)).toBe(": yes");
  });

  it("is rejected by line if there is no answer", async () => {
    const lines = [{ messages: [user("a"), assistant("b")] }, { messages: [user("a")] }];
    await expect(read(lines)).rejects.toThrow(/eval\.jsonl:2: no message is followed by an assistant message/);
    await expect(read([{ messages: [assistant("b")] }])).rejects.toThrow(/eval\.jsonl:1: no message is followed/);
  });

  it("requires a chat template", async () => {
    const { tokenizer } = await tinyText();
    const reading = readQuestions({ source: evalFile, format: "auto", tokenizer, templates: null });
    await expect(reading).rejects.toThrow(
      /eval\.jsonl:1: the example is a conversation, but the model has no chat template/,
    );
  });
});

describe("other formats", () => {
  it("prompt and completion: the completion's tokens follow the prompt's in the whole text", async () => {
    const [question] = await read([{ prompt: "To be or not", completion: " to be" }]);
    expect(question).toEqual({ where: "eval.jsonl:1", text: "To be or not", prompt: "To be or not", answer: " to be" });
  });

  it("prompt and completion are tokenised separately if their boundary is inside a token", async () => {
    const { tokenizer } = await tinyText();
    const [question] = await read([{ prompt: "the hou", completion: "se" }]);
    expect([question?.prompt, question?.answer]).toEqual(["the hou", "se"]);
    const [apart, together] = [await tokenizer.encode("the hou"), await tokenizer.encode("the house")];
    expect(Array.from(together.ids).slice(0, apart.ids.length)).not.toEqual(Array.from(apart.ids));
  });

  it("an empty prompt is rejected by line", async () => {
    const lines = [
      { prompt: "a", completion: " b" },
      { prompt: "", completion: "b" },
    ];
    await expect(read(lines)).rejects.toThrow(/eval\.jsonl:2: the prompt is empty/);
  });

  it("tokens: the last supervised run", async () => {
    const { tokenizer } = await tinyText();
    const ids = [5, 6, 7, 8, 9, 10, 11];
    const source = await temporaryFile("eval.jsonl", [
      { input_ids: ids, labels: [-100, 6, -100, -100, 9, 10, -100] },
      { input_ids: ids, labels: ids },
    ]);
    const options = { source, format: "auto" as const, tokenizer, templates: null };
    const [question] = await readQuestions({ ...options, limit: 1 });
    expect(Array.from(question!.prompt)).toEqual([5, 6, 7, 8]);
    expect(Array.from(question!.answer)).toEqual([9, 10]);
    await expect(readQuestions(options)).rejects.toThrow(/eval\.jsonl:2: no unsupervised tokens are followed/);
  });

  it("plain text has no answer", async () => {
    await expect(read([{ text: "Call me Ishmael." }])).rejects.toThrow(/eval\.jsonl:1: plain text has no prompt/);
  });
});

describe("a limit", () => {
  it("uses the first examples", async () => {
    const questions = await readFrom(evalFile, null, 3);
    expect(questions.map(({ where }) => where)).toEqual(["eval.jsonl:1", "eval.jsonl:2", "eval.jsonl:3"]);
    expect(questions[0]?.answer).toBe('{"tool":"play_music","genre":"dance","room":"garage"}<|im_end|>\n');
  });
});

describe("examples that cannot be asked", () => {
  const lines = [{ messages: [user("hi")] }, "{", { messages: [user("on"), assistant("done")] }];

  async function ask(onBadExample?: "error" | "skip"): Promise<{ asked: string[]; notes: string[] }> {
    const file = await temporaryFile("eval.jsonl", []);
    await writeFile(file, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
    const notes: string[] = [];
    const { tokenizer, templates } = await tinyText(null);
    const rule = onBadExample === undefined ? {} : { onBadExample };
    const onNote = (text: string): unknown => notes.push(text);
    const questions = await readQuestions({ source: file, format: "auto", tokenizer, templates, onNote, ...rule });
    return { asked: questions.map(({ text }) => text), notes };
  }

  it("are skipped with a note if bad examples are", async () => {
    const { asked, notes } = await ask("skip");
    expect(asked).toEqual(["on"]);
    expect(notes).toEqual([expect.stringMatching(/^2 of 3 examples were skipped.*:1: no message.*:2: not JSON/)]);
  });

  it("are an error otherwise", async () => {
    await expect(ask()).rejects.toThrow(/eval\.jsonl:1: no message is followed by an assistant message/);
  });
});
