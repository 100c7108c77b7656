/** Without this, a run learns from the wrong tokens of an example. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { buildTokenStore, IGNORE, openTokenizer } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { buildLines, chat, rowsOf, supervisedText, tokenizer, type Settings } from "./stores.js";
import { dataSettings, fileWith, folderWith, inRepository, readJson, tinyModel } from "./support.js";

interface TextGolden {
  readonly texts: readonly { text: string; input_ids: number[] }[];
  readonly completions: readonly {
    prompt: string;
    completion: string;
    prompt_ids: number[];
    whole_ids: number[];
    completion_ids: number[];
  }[];
}
const golden = readJson(inRepository("tests/golden/text/chat-tiny.json")) as TextGolden;

describe("texts", () => {
  it("end with one eos token, and are fully supervised, as in TRL and transformers", async () => {
    const usable = golden.texts.filter(({ input_ids }) => input_ids.length > 1);
    const rows = rowsOf(await buildLines(usable.map(({ text }) => ({ text }))));
    expect(rows.map(({ ids }) => ids)).toEqual(usable.map(({ input_ids }) => input_ids));
    expect(rows.map(({ labels }) => labels)).toEqual(usable.map(({ input_ids }) => input_ids));
    expect(usable.length).toBe(golden.texts.length - 1);
  });

  it("give a warning if the tokenizer has no eos", async () => {
    const folder = await folderWith({ "tokenizer.json": await readFile(path.join(tinyModel, "tokenizer.json")) });
    const warnings: string[] = [];
    await buildTokenStore({
      source: await fileWith([{ text: "some text" }]),
      data: dataSettings,
      tokenizer: await openTokenizer(folder),
      onWarning: (text) => warnings.push(text),
    });
    expect(warnings).toEqual([expect.stringMatching(/1 of 1 examples .*train\.jsonl:1.*without an end-of-text token/)]);
  });
});

describe("prompts and completions", () => {
  it("have the tokens of the whole text, or of each part, with a warning, if a token crosses the boundary", async () => {
    const warnings: string[] = [];
    const store = await buildLines(
      golden.completions.map(({ prompt, completion }) => ({ prompt, completion })),
      {},
      warnings,
    );
    let apart = 0;
    rowsOf(store).forEach(({ ids, labels }, index) => {
      const { prompt_ids, whole_ids, completion_ids } = golden.completions[index]!;
      const isPrefix = prompt_ids.every((id, at) => whole_ids[at] === id);
      if (!isPrefix) apart++;
      const expected = isPrefix ? whole_ids : [...prompt_ids, ...completion_ids];
      expect(ids).toEqual(expected);
      expect(labels).toEqual(expected.map((id, at) => (at < prompt_ids.length ? IGNORE : id)));
    });
    expect(apart).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(/^1 of 6 examples \(first: .*train\.jsonl:5\) have a prompt that ends inside/),
    ]);
  });

  it("are fully supervised with completion_only_loss: false", async () => {
    const [row] = rowsOf(
      await buildLines([{ prompt: "The sky is", completion: " blue." }], { completion_only_loss: false }),
    );
    expect(row!.labels).toEqual(row!.ids);
  });

  const twoAnswers = {
    prompt: [...chat("One?", "First").messages, { role: "user", content: "Two?" }],
    completion: [{ role: "assistant", content: "Second" }],
  };

  it.each<[Settings, string]>([
    [{}, "Second<|im_end|>"],
    [{ assistant_only_loss: false }, "Second<|im_end|>\n"],
    [{ completion_only_loss: false }, "First<|im_end|>Second<|im_end|>"],
  ])("as conversations: %j supervises %j", async (settings, expected) => {
    const [row] = rowsOf(await buildLines([twoAnswers], settings));
    expect(await supervisedText(row!)).toBe(expected);
  });

  it("are fully supervised as conversations with both options off", async () => {
    const settings = { assistant_only_loss: false, completion_only_loss: false };
    const [row] = rowsOf(await buildLines([twoAnswers], settings));
    expect(row!.labels).toEqual(row!.ids);
  });
});

describe("Alpaca and ShareGPT data", () => {
  it("give the same rows as the equivalent conversation", async () => {
    const conversation = rowsOf(await buildLines([chat("Add.\n\n2 and 2", "4")]));
    expect(rowsOf(await buildLines([{ instruction: "Add.", input: "2 and 2", output: "4" }]))).toEqual(conversation);
    const conversations = [
      { from: "human", value: "Add.\n\n2 and 2" },
      { from: "gpt", value: "4" },
    ];
    expect(rowsOf(await buildLines([{ conversations }]))).toEqual(conversation);
  });
});

describe("the run's own chat template", () => {
  const source = "{% for m in messages %}{{ m.role }}={% generation %}{{ m.content }}{% endgeneration %};{% endfor %}";

  it("can be text or a file", async () => {
    const file = path.join(await folderWith({ "t.jinja": source }), "t.jinja");
    for (const chat_template of [source, file]) {
      const [row] = rowsOf(await buildLines([chat("q", "a")], { chat_template }));
      expect(await tokenizer.decode(row!.ids)).toBe("user=q;assistant=a;");
      expect(await supervisedText(row!)).toBe("qa");
    }
  });

  it("is rejected, naming the key, if it can't be found", async () => {
    const build = buildLines([chat("q", "a")], { chat_template: "/nowhere/t.jinja" });
    await expectRejection(build, "config", /data\.chat_template: \/nowhere\/t\.jinja can't be read/, /Jinja file/);
  });

  it("gives a warning if it writes the date, and uses the given clock", async () => {
    const dated = `{{ strftime_now('%Y') }} ${source}`;
    const warnings: string[] = [];
    await buildLines([chat("q", "a")], { chat_template: dated }, warnings);
    expect(warnings.at(-1)).toMatch(/today's date.*starts on another day/);
    const told: string[] = [];
    const store = await buildTokenStore({
      source: await fileWith([chat("q", "a")]),
      data: { ...dataSettings, chat_template: dated },
      tokenizer,
      onWarning: (text) => told.push(text),
      now: () => new Date(1999, 5, 1),
    });
    expect(await tokenizer.decode(store.row(0).inputIds)).toMatch(/^1999 user/);
    expect(told.at(-1)).toBe(warnings.at(-1));
  });
});
