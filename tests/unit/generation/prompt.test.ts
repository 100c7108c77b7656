import { describe, expect, it } from "vitest";
import { readRequest, type PromptInput } from "../../../src/cli/generate/prompt.js";
import { promptTokens } from "../../../src/library/index.js";
import { temporaryFile, tinyText } from "./support.js";

async function* chunks(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}

const nothing = (): PromptInput => {
  throw new Error("standard input must not be read");
};

type Flags = Parameters<typeof readRequest>[0];

/** What the model is given, as text. */
async function rendered(flags: Flags, input: () => PromptInput = nothing): Promise<string> {
  const { tokenizer, templates } = await tinyText();
  return tokenizer.decode(await promptTokens(await readRequest(flags, input), { tokenizer, templates }));
}

const user = { role: "user", content: "light on" };

describe("the prompt of `coxswain generate`", () => {
  it("is a user message in the model's template", async () => {
    expect(await rendered({ prompt: "light on" })).toBe(
      "<|im_start|>user\nlight on<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  it("may have a preceding system message", async () => {
    expect(await rendered({ prompt: "light on", system: "Be short." })).toBe(
      "<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\nlight on<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  it("is continued unchanged with --raw", async () => {
    expect(await rendered({ prompt: "Call me Ish", raw: true })).toBe("Call me Ish");
  });

  it("is read from standard input, without the trailing line break, with characters intact across chunks", async () => {
    const [first, second] = [Buffer.from("licht für"), Buffer.from(" alle\n")];
    const input = (async function* () {
      yield await Promise.resolve(first.subarray(0, 8));
      yield Buffer.concat([first.subarray(8), second]);
    })();
    expect(await rendered({ raw: true }, () => input)).toBe("licht für alle");
  });

  it("is continued as text if the model has no template", async () => {
    const { tokenizer } = await tinyText();
    const model = { tokenizer, templates: null };
    const request = await readRequest({ prompt: "Call me" }, nothing);
    expect(await tokenizer.decode(await promptTokens(request, model))).toBe("Call me");
    const withSystem = await readRequest({ prompt: "Call me", system: "Be short." }, nothing);
    await expect(promptTokens(withSystem, model)).rejects.toThrow(/has no chat template/);
  });
});

describe("a conversation from a file", () => {
  it("may bring variables of the chat template", async () => {
    const template = "{{ messages[0].content }}{% if tone is defined %} {{ tone }}{% endif %}";
    const { tokenizer, templates } = await tinyText(template);
    const value = { messages: [user], chat_template_kwargs: { tone: "calm" } };
    const file = await temporaryFile("chat.json", [value]);
    const tokens = await promptTokens(await readRequest({ messages: file }, nothing), { tokenizer, templates });
    expect(await tokenizer.decode(tokens)).toBe("light on calm");
  });

  it("is a list of messages, or an object with tools", async () => {
    const expected = "<|im_start|>user\nlight on<|im_end|>\n<|im_start|>assistant\n";
    const list = await temporaryFile("chat.json", JSON.stringify([user]));
    expect(await rendered({ messages: list })).toBe(expected);
    const object = await temporaryFile("chat.json", JSON.stringify({ messages: [user], tools: [{ name: "lamp" }] }));
    expect(await rendered({ messages: object })).toBe(expected);
    const request = await readRequest({ messages: object }, nothing);
    expect(request).toMatchObject({ kind: "conversation", conversation: { tools: [{ name: "lamp" }] } });
  });

  it("uses --system if it has no system message", async () => {
    const file = await temporaryFile("chat.json", JSON.stringify([user]));
    expect(await rendered({ messages: file, system: "Be short." })).toMatch(/^<\|im_start\|>system\nBe short\./);
    const own = await temporaryFile("chat.json", JSON.stringify([{ role: "system", content: "Sing." }, user]));
    await expect(readRequest({ messages: own, system: "Be short." }, nothing)).rejects.toThrow(
      /--system and the system message of .*chat\.json can't be given together/,
    );
  });

  it.each([
    ["{", /chat\.json: not JSON/],
    ['{"messages": 3}', /chat\.json: "messages" is the number 3/],
    ['[{"role": "user"}]', /chat\.json: "content" of message 1 of "messages" is missing/],
    [
      '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]',
      /the last message is the assistant's/,
    ],
  ])("is rejected if invalid: %s", async (content, message) => {
    const file = await temporaryFile("chat.json", content);
    await expect(readRequest({ messages: file }, nothing)).rejects.toThrow(message);
  });

  it("names a missing file", async () => {
    await expect(readRequest({ messages: "nowhere.json" }, nothing)).rejects.toMatchObject({
      code: "data",
      message: "nowhere.json: no such file",
    });
  });
});

describe("contradictory options are rejected", () => {
  it.each([
    [{ messages: "a.json", prompt: "x" }, /--messages and --prompt/],
    [{ messages: "a.json", raw: true as const }, /--messages and --raw/],
    [{ prompt: "x", raw: true as const, system: "y" }, /--raw and --system/],
    [{ prompt: "" }, /the prompt is empty/],
  ])("%o", async (flags, message) => {
    await expect(readRequest(flags, nothing)).rejects.toThrow(message);
  });

  it("as is empty standard input", async () => {
    await expect(readRequest({}, () => chunks("\n"))).rejects.toMatchObject({
      code: "usage",
      message: "the prompt is empty",
    });
  });
});
