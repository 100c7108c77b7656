/** Without this, a model learns to begin its answers with a token that it can't begin with when it is asked. */
import { describe, expect, it } from "vitest";
import { buildTokenStore, ChatTemplate, IGNORE, openTokenizer, tokenizeAnswer } from "../../../src/data/index.js";
import { createEncoder } from "../../../src/data/encode.js";
import type { LabelledTokens } from "../../../src/data/encoding.js";
import { splitPrompts } from "../../../src/data/split-prompts.js";
import { buildLines, chat, rowsOf, supervisedText, tokenizer } from "./stores.js";
import {
  dataSettings,
  fileWith,
  flatOffsets,
  folderWith,
  inRepository,
  readJson,
  smolFolder,
  smolSkip,
} from "./support.js";

const question = "{% if m.role == 'user' %}Question: {{ m.content }}\n{% else %}";
const begin = `{% for m in messages %}${question}`;
const end = "{% endif %}{% endfor %}{% if add_generation_prompt %}Answer: {% endif %}";
/** Its generation prompt ends with a space, which the tokenizer joins with the answer. */
const template = `${begin}Answer: {{ m.content }}<|im_end|>\n${end}`;
const marked = `${begin}Answer: {% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{{ "\\n" }}${end}`;
/** What it marks begins after the end of the prompt: the space is a model's own. */
const markedLater = `${begin}Answer: {% generation %}{{ m.content }}{% endgeneration %}<|im_end|>\n${end.replace("Answer: ", "Answer:")}`;

const idsOf = async (text: string): Promise<number[]> =>
  Array.from((await tokenizer.encode(text, { addSpecialTokens: false })).ids);

const twoTurns = {
  messages: [...chat("A?", "there it is").messages, ...chat("B?", "there").messages],
};

async function encode(source: string, messages: (typeof twoTurns)["messages"]): Promise<readonly LabelledTokens[]> {
  const { specialTokens, controlTokens } = tokenizer;
  const opened = new ChatTemplate(source, { specialTokens, controlTokens, origin: "the test", kwargs: {} });
  const encoder = createEncoder({
    tokenizer,
    templates: { plain: opened, tools: opened },
    assistantOnlyLoss: true,
    completionOnlyLoss: true,
    turns: "all",
  });
  const whole = { promptMessages: 0, context: new Set<number>(), templateKwargs: null, tools: null };
  const [rows = []] = await encoder([{ example: { kind: "chat", ...whole, messages }, where: "x:1" }]);
  return rows;
}

describe("a generation prompt that ends inside a token of the whole text", () => {
  it.each([
    ["without {% generation %}", template],
    ["with {% generation %}", marked],
  ])("is tokenised as a model is given it, and the answer after it: %s", async (_, source) => {
    const [row] = await encode(source, chat("A?", "there it is").messages);
    const prompt = await idsOf("Question: A?\nAnswer: ");
    const answer = await idsOf("there it is<|im_end|>");
    const ids = Array.from(row!.ids);
    expect(ids.slice(0, prompt.length + answer.length)).toEqual([...prompt, ...answer]);
    expect(Array.from(row!.labels)).toEqual(
      ids.map((id, at) => (at < prompt.length || at === ids.length - 1 ? IGNORE : id)),
    );
    // The whole text has other tokens: it joins the space with the answer.
    expect(ids).not.toEqual(await idsOf("Question: A?\nAnswer: there it is<|im_end|>\n"));
    expect(await tokenizer.decode(ids)).toBe("Question: A?\nAnswer: there it is<|im_end|>\n");
  });

  it("makes an example of each turn, after earlier turns as a model is given them", async () => {
    const rows = await encode(template, twoTurns.messages);
    expect(rows.map(({ part }) => part)).toEqual(["message 2", "message 4"]);
    const before = "Question: A?\nAnswer: there it is<|im_end|>\nQuestion: B?\nAnswer: ";
    const prompt = await idsOf(before);
    expect(Array.from(rows[1]!.ids).slice(0, prompt.length)).toEqual(prompt);
    const texts = rows.map(({ ids, labels }) =>
      supervisedText({ ids: Array.from(ids), labels: Array.from(labels), segments: [] }),
    );
    expect(await Promise.all(texts)).toEqual(["there it is<|im_end|>", "there<|im_end|>"]);
  });

  it("is reported once, with count, first line and what to do", async () => {
    const warnings: string[] = [];
    const store = await buildLines(
      [chat("A?", "there"), chat("B?", "there"), twoTurns],
      { chat_template: template },
      warnings,
    );
    expect(store.statistics).toMatchObject({ examples: 4, rows: 4 });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^3 of 3 examples \(first: .*train\.jsonl:1\) have a generation prompt that ends inside a token.*tokenised separately.*Let the chat template end the prompt before the space/,
      ),
    ]);
  });

  it("is not reported where the answer is a token of its own, or the prompt ends before the space", async () => {
    const warnings: string[] = [];
    await buildLines(
      [chat("A?", "\u{1f308}x")],
      { chat_template: template.replaceAll("Answer: ", "Answer:") },
      warnings,
    );
    await buildLines([chat("A?", "there")], { chat_template: template.replaceAll("Answer: ", "Answer:\n") }, warnings);
    await buildLines([chat("A?", "there")], {}, warnings);
    expect(warnings).toEqual([]);
  });

  it("leaves a token alone that only a mark begins inside of", async () => {
    const [row] = await encode(markedLater, chat("A?", "there it is").messages);
    expect(Array.from(row!.ids)).toEqual(await idsOf("Question: A?\nAnswer: there it is<|im_end|>\n"));
  });

  it.skipIf(smolFolder === undefined)(
    `keeps the tokens of transformers, with a note, if an answer's own white space is joined with a line break${smolSkip}`,
    async () => {
      const smol = await openTokenizer(smolFolder ?? "");
      const text = "<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n  there<|im_end|>\n";
      const prompt = text.slice(0, text.indexOf("  there"));
      const [before, whole] = await smol.encodeBatch([prompt, text], { addSpecialTokens: false });
      expect(before!.ids.at(-1)).not.toBe(whole!.ids[before!.ids.length - 1]);
      const warnings: string[] = [];
      const chatml =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
      const store = await buildTokenStore({
        source: await fileWith([chat("A?", "  there")]),
        data: { ...dataSettings, chat_template: chatml },
        tokenizer: smol,
        onWarning: (warning) => warnings.push(warning),
      });
      expect(rowsOf(store).map(({ ids }) => ids)).toEqual([Array.from(whole!.ids)]);
      expect(warnings).toEqual([expect.stringMatching(/^1 of 1 examples .*have an answer whose first characters/)]);
    },
  );

  it("stays one text if the whole conversation is supervised", async () => {
    const store = await buildLines([chat("A?", "there")], { chat_template: template, assistant_only_loss: false });
    expect(rowsOf(store).map(({ ids }) => ids)).toEqual([await idsOf("Question: A?\nAnswer: there<|im_end|>\n")]);
  });
});

describe("splitPrompts", () => {
  it("agrees with the tokens of every prompt of a text, wherever it ends", async () => {
    const text =
      "<|im_start|>user\nHello  there,\n\n it's 12 \u{1f308}\u{1f308} naïve \t x<|im_end|>\n there<|im_end|>";
    const encoded = await tokenizer.encode(text, { addSpecialTokens: false });
    const ends = Array.from({ length: text.length - 1 }, (_, at) => at + 1).filter(
      (at) => !/[\udc00-\udfff]/.test(text[at]!),
    );
    const one = { text, ids: encoded.ids, offsets: encoded.offsets(), ends };
    const [split] = await splitPrompts([one], tokenizer);
    const expected: number[] = [];
    for (const at of ends) {
      const prompt = await idsOf(text.slice(0, at));
      const rest = one.ids.findIndex((_, token) => one.offsets.end(token) > at);
      if (JSON.stringify(prompt) !== JSON.stringify(Array.from(one.ids.subarray(0, rest)))) expected.push(at);
    }
    expect([...split!]).toEqual(expected);
    expect(expected.length).toBeGreaterThan(10);
  });
});

/** Of Llama 2's kind, with a token for a line break and what follows it. */
const joinsLineBreaks = {
  version: "1.0",
  added_tokens: [],
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "▁" },
      { type: "Replace", pattern: { String: " " }, content: "▁" },
    ],
  },
  pre_tokenizer: null,
  post_processor: null,
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "▁" }, content: " " },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE",
    vocab: Object.fromEntries(["▁", "\n", "h", "i", "x", "\nh"].map((token, id) => [token, id])),
    merges: [["\n", "h"]],
  },
};

describe("an answer's tokens", () => {
  it('have no "▁" of a text\'s beginning, which would be a second space', async () => {
    const { bases } = readJson(inRepository("tests/golden/tokenizers/cases.json")) as {
      bases: Record<string, unknown>;
    };
    const llama = await openTokenizer(await folderWith({ "tokenizer.json": JSON.stringify(bases["llama-prepend"]) }));
    const prompt = (await llama.encode("say: ", { addSpecialTokens: false })).ids;
    const { ids } = await tokenizeAnswer(prompt, { text: "say: hello", answer: "hello" }, llama);
    expect(await llama.decode([...prompt, ...ids])).toBe("say: hello");
    const alone = (await llama.encode("hello", { addSpecialTokens: false })).ids;
    expect(await llama.decode([...prompt, ...alone])).toBe("say:  hello");
  });

  it("have none either if the tokenizer joins a line break with the answer", async () => {
    const llama = await openTokenizer(await folderWith({ "tokenizer.json": JSON.stringify(joinsLineBreaks) }));
    const prompt = (await llama.encode("x\n", { addSpecialTokens: false })).ids;
    const { ids, offsets } = await tokenizeAnswer(prompt, { text: "x\nhi", answer: "hi" }, llama);
    const tokens = Array.from(ids, (id) => llama.idToToken(id));
    expect({ tokens, offsets: flatOffsets(offsets) }).toEqual({ tokens: ["h", "i"], offsets: [0, 1, 1, 2] });
    expect(await llama.decode([...prompt, ...ids])).toBe("x\nhi");
  });
});
