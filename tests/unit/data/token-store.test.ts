/** Without this, a run trains on the wrong tokens, drops data in silence, or resumes on other data unnoticed. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { buildTokenStore, IGNORE, openTokenizer, type TokenStore } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { dataSettings, fileWith, folderWith, inRepository, readJson, tinyModel } from "./support.js";

const tokenizer = await openTokenizer(tinyModel);
type Settings = Partial<typeof dataSettings>;

const build = (
  source: string | readonly string[],
  settings: Settings = {},
  warnings: string[] = [],
): Promise<TokenStore> =>
  buildTokenStore({
    source,
    data: { ...dataSettings, ...settings },
    tokenizer,
    onWarning: (text) => warnings.push(text),
  });

const buildLines = async (
  lines: readonly unknown[],
  settings: Settings = {},
  warnings: string[] = [],
): Promise<TokenStore> => build(await fileWith(lines), settings, warnings);

const rowsOf = (store: TokenStore) =>
  Array.from({ length: store.rowCount }, (_, index) => {
    const { inputIds, labels, segments } = store.row(index);
    return { ids: Array.from(inputIds), labels: Array.from(labels), segments };
  });

const supervisedText = ({ ids, labels }: { ids: number[]; labels: number[] }): Promise<string> =>
  tokenizer.decode(ids.filter((_, index) => labels[index] !== IGNORE));

const chat = (question: string, answer: string) => ({
  messages: [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ],
});

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

describe("the bundled quickstart data", () => {
  it("become 2,000 rows within seconds, only answers supervised", async () => {
    const started = process.cpuUsage();
    const store = await build(inRepository("examples/quickstart/data/train.jsonl"));
    const { user, system } = process.cpuUsage(started);
    expect(store.statistics).toMatchObject({ examples: 2000, rows: 2000, truncated: 0 });
    // Processor time, which other processes disturb little: 0.55 s when warm, 1.2 s with compilation.
    expect((user + system) / 1e6).toBeLessThan(4);
    const lines = (await readFile(inRepository("examples/quickstart/data/train.jsonl"), "utf8")).trim().split("\n");
    const rows = rowsOf(store);
    for (const index of [0, 1, 777, 1999]) {
      const { messages } = JSON.parse(lines[index]!) as ReturnType<typeof chat>;
      expect(await supervisedText(rows[index]!)).toBe(`${messages[1]!.content}<|im_end|>`);
      expect(await tokenizer.decode(rows[index]!.ids)).toBe(
        messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join(""),
      );
    }
    const counted = rows.flatMap(({ labels }) => labels.slice(1)).filter((label) => label !== IGNORE).length;
    expect(store.statistics.supervisedTokens).toBe(counted);
    expect(store.statistics.tokens).toBe(rows.reduce((sum, { ids }) => sum + ids.length, 0));
  });
});

describe("tokens", () => {
  it("come out as they went in, in the file's order", async () => {
    const file = inRepository("tests/golden/llama/train.jsonl");
    const golden = await openTokenizer(inRepository("tests/golden/llama/model"));
    const store = await buildTokenStore({ source: file, data: dataSettings, tokenizer: golden });
    const lines = (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number[]>);
    expect(rowsOf(store)).toEqual(
      lines.map(({ input_ids, labels }) => ({ ids: input_ids, labels, segments: [input_ids!.length] })),
    );
  });

  it("counts the supervised tokens that the reference counts", async () => {
    const expected = readJson(inRepository("tests/golden/llama/expected.json")) as {
      steps: { supervised_tokens: number }[];
    };
    const model = await openTokenizer(inRepository("tests/golden/llama/model"));
    const source = inRepository("tests/golden/llama/train.jsonl");
    const store = await buildTokenStore({ source, data: dataSettings, tokenizer: model });
    // 64 rows are the first 8 steps of 8.
    const epoch = expected.steps.slice(0, 8).reduce((sum, step) => sum + step.supervised_tokens, 0);
    expect(store.statistics.supervisedTokens).toBe(epoch);
  });
});

describe("texts", () => {
  it("end with the eos token once, all of them supervised, as TRL and transformers make them", async () => {
    const usable = golden.texts.filter(({ input_ids }) => input_ids.length > 1);
    const rows = rowsOf(await buildLines(usable.map(({ text }) => ({ text }))));
    expect(rows.map(({ ids }) => ids)).toEqual(usable.map(({ input_ids }) => input_ids));
    expect(rows.map(({ labels }) => labels)).toEqual(usable.map(({ input_ids }) => input_ids));
    expect(usable.length).toBe(golden.texts.length - 1);
  });

  it("of a tokenizer without eos are warned about", async () => {
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
  it("have the tokens of the whole text; where one lies across the boundary, those of each part, with a warning", async () => {
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

  it("are supervised whole with completion_only_loss: false", async () => {
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

  it("as conversations with assistant and completion both off supervise everything", async () => {
    const settings = { assistant_only_loss: false, completion_only_loss: false };
    const [row] = rowsOf(await buildLines([twoAnswers], settings));
    expect(row!.labels).toEqual(row!.ids);
  });
});

describe("Alpaca and ShareGPT data", () => {
  it("are the same rows as the conversation that they mean", async () => {
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

  it("is taken as text or from a file", async () => {
    const file = path.join(await folderWith({ "t.jinja": source }), "t.jinja");
    for (const chat_template of [source, file]) {
      const [row] = rowsOf(await buildLines([chat("q", "a")], { chat_template }));
      expect(await tokenizer.decode(row!.ids)).toBe("user=q;assistant=a;");
      expect(await supervisedText(row!)).toBe("qa");
    }
  });

  it("that can't be found is refused by the key", async () => {
    const build = buildLines([chat("q", "a")], { chat_template: "/nowhere/t.jinja" });
    await expectRejection(build, "config", /data\.chat_template: \/nowhere\/t\.jinja can't be read/, /Jinja file/);
  });

  it("that writes the date is warned about, unless the clock was given", async () => {
    const dated = `{{ strftime_now('%Y') }} ${source}`;
    const warnings: string[] = [];
    await buildLines([chat("q", "a")], { chat_template: dated }, warnings);
    expect(warnings).toEqual([expect.stringMatching(/today's date.*resumed on another day/)]);
    const told: string[] = [];
    const store = await buildTokenStore({
      source: await fileWith([chat("q", "a")]),
      data: { ...dataSettings, chat_template: dated },
      tokenizer,
      onWarning: (text) => told.push(text),
      now: () => new Date(1999, 5, 1),
    });
    expect(await tokenizer.decode(store.row(0).inputIds)).toMatch(/^1999 user/);
    expect(told).toEqual([]);
  });
});

describe("tool calls", () => {
  it("with a number that would be learnt in another spelling are warned about; other numbers are not", async () => {
    const line = (value: string, tools: string): string =>
      `{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}],"id":${value}${tools}}`;
    const warnings: string[] = [];
    await buildLines(
      [line("1.0", ""), line("1", ',"tools":[{"n":21.5}]'), line("1", ',"tools":[{"n":21.0}]')],
      {},
      warnings,
    );
    expect(warnings).toEqual([expect.stringMatching(/^1 of 3 examples \(first: .*train\.jsonl:3: 21\.0\)/)]);
  });
});

describe("an example longer than max_length", () => {
  const ids = (length: number) => Array.from({ length }, (_, index) => index + 3);

  it("is cut at the end and counted, with one warning that names the first", async () => {
    const warnings: string[] = [];
    const store = await buildLines(
      [{ input_ids: ids(4) }, { input_ids: ids(9) }, { input_ids: ids(6) }],
      { max_length: 5 },
      warnings,
    );
    expect(rowsOf(store).map((row) => row.ids)).toEqual([ids(4), ids(5), ids(5)]);
    expect(store.statistics).toMatchObject({ examples: 3, rows: 3, tokens: 14, truncated: 2, supervisedTokens: 11 });
    expect(warnings).toEqual([
      expect.stringMatching(/^2 of 3 examples \(first: .*:2\) are longer than data\.max_length \(5\)/),
    ]);
  });

  it("that loses all that is supervised is left out, counted and warned about", async () => {
    const warnings: string[] = [];
    const late = { input_ids: ids(8), labels: [...ids(8).slice(0, 1), -100, -100, -100, -100, -100, 9, 10] };
    const store = await buildLines([late, { input_ids: ids(3) }], { max_length: 5 }, warnings);
    expect(rowsOf(store).map((row) => row.ids)).toEqual([ids(3)]);
    expect(store.statistics).toMatchObject({
      examples: 2,
      rows: 1,
      truncated: 1,
      dropped: { nothing_supervised_after_cut: 1 },
    });
    expect(warnings[1]).toMatch(
      /^1 of 2 examples \(first: .*:1\) have nothing supervised before data\.max_length \(5\)/,
    );
    await expectRejection(
      buildLines([late, late], { max_length: 5 }),
      "data",
      /train\.jsonl: every example is longer than data\.max_length \(5\)/,
      /Raise data\.max_length/,
    );
  });
});

describe("an example with nothing supervised", () => {
  it.each<[string, unknown, Settings]>([
    ["a conversation without an answer", { messages: [{ role: "user", content: "hi" }] }, {}],
    ["labels of -100", { input_ids: [5, 6], labels: [-100, -100] }, {}],
    ["only its first token, which nothing predicts", { input_ids: [5, 6], labels: [5, -100] }, {}],
    ["an empty text", { text: "" }, {}],
  ])("is refused with its line: %s", async (_, line, settings) => {
    const good =
      "text" in (line as object)
        ? { text: "good" }
        : "messages" in (line as object)
          ? chat("q", "a")
          : { input_ids: [5, 6] };
    await expectRejection(
      buildLines([good, line], settings),
      "data",
      /train\.jsonl:2: nothing in this example is supervised/,
      /remove the line/,
    );
  });
});

describe("data that don't suit the model", () => {
  it("have a line of another format: refused with the line", async () => {
    await expectRejection(
      buildLines([{ text: "a" }, { prompt: "a", completion: "b" }]),
      "data",
      /train\.jsonl:2: "text" is missing/,
      /Format text/,
    );
    await expectRejection(
      buildLines([{ text: "a" }], { format: "messages" }),
      "data",
      /train\.jsonl:1: "messages" is missing; found keys: text/,
    );
  });

  it("have ids beyond the vocabulary: refused with the line", async () => {
    await expectRejection(
      buildLines([{ input_ids: [1, 2] }, { input_ids: [1, 2048] }]),
      "data",
      /train\.jsonl:2: "input_ids" has the number 2048/,
    );
  });

  it("have text whose tokens the model lacks: refused with the token", async () => {
    const folder = await folderWith({
      "tokenizer.json": await readFile(path.join(tinyModel, "tokenizer.json")),
      "config.json": JSON.stringify({ vocab_size: 2048 }),
      "tokenizer_config.json": JSON.stringify({ eos_token: "<new>" }),
    });
    const source = await fileWith([{ text: "x" }]);
    const store = buildTokenStore({ source, data: dataSettings, tokenizer: await openTokenizer(folder) });
    await expectRejection(
      store,
      "data",
      /train\.jsonl:1: token 2048 \("<new>"\) is not one of the model's 2048/,
      /came with the model/,
    );
  });

  it("are conversations for a model without a chat template: refused with what to set", async () => {
    const folder = await folderWith({ "tokenizer.json": await readFile(path.join(tinyModel, "tokenizer.json")) });
    const source = await fileWith([chat("q", "a")]);
    const store = buildTokenStore({ source, data: dataSettings, tokenizer: await openTokenizer(folder) });
    await expectRejection(store, "data", /train\.jsonl:1: .*no chat template/, /data\.chat_template/);
  });

  it("make the template fail: refused with the line and the template's message", async () => {
    const chat_template =
      "{% for m in messages %}{{ m.content if m.content != 'bad' else raise_exception('no bad words') }}{% endfor %}";
    const settings = { chat_template, assistant_only_loss: false };
    await expectRejection(
      buildLines([chat("q", "a"), chat("bad", "a")], settings),
      "data",
      /train\.jsonl:2: .*data\.chat_template failed to render: no bad words/,
    );
  });
});

describe("packing", () => {
  it("puts whole examples in rows, in the file's order, and loses none", async () => {
    const file = inRepository("examples/quickstart/data/eval.jsonl");
    const single = rowsOf(await build(file));
    const store = await build(file, { packing: true, max_length: 256 });
    const packed = rowsOf(store);
    const parts = packed.flatMap(({ ids, labels, segments }) => {
      expect(ids.length).toBeLessThanOrEqual(256);
      let at = 0;
      return segments.map((length) => {
        at += length;
        return { ids: ids.slice(at - length, at), labels: labels.slice(at - length, at), segments: [length] };
      });
    });
    const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
    expect(sorted(parts)).toEqual(sorted(single));
    expect(parts[0]).toEqual(single[0]);
    expect(store.statistics).toMatchObject({ examples: 200, rows: packed.length });
    expect(packed.length).toBeLessThan(60);
    const counted = (await build(file)).statistics;
    expect(store.statistics.supervisedTokens).toBe(counted.supervisedTokens);
  });
});

describe("the fingerprint", () => {
  const lines = [{ input_ids: [5, 6, 7] }, { input_ids: [8, 9] }];
  const of = async (data: readonly unknown[], settings: Settings = {}): Promise<string> =>
    (await buildLines(data, settings)).fingerprint;

  it("is the same for the same rows, however the file spells them", async () => {
    const first = await of(lines);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await of(['{ "labels": [5,6,7], "input_ids": [5,6,7] }', "", lines[1]])).toBe(first);
  });

  it("changes with any id, label, boundary, order or packing", async () => {
    const fingerprints = await Promise.all([
      of(lines),
      of([{ input_ids: [5, 6, 8] }, lines[1]]),
      of([{ input_ids: [5, 6, 7], labels: [-100, 6, 7] }, lines[1]]),
      of([{ input_ids: [5, 6] }, { input_ids: [7, 8, 9] }]),
      of([lines[1], lines[0]]),
      of(lines, { packing: true }),
      of([lines[0]]),
    ]);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });
});

describe("a row number beyond the store", () => {
  it.each([-1, 2, 0.5])("%d is refused", async (index) => {
    const store = await buildLines([{ input_ids: [5, 6] }, { input_ids: [7, 8] }]);
    expect(() => store.row(index)).toThrow(RangeError);
  });
});
