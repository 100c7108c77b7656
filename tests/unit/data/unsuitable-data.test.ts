/** Without this, data that a model can't learn from are dropped in silence, or stop a run without naming the line. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { buildTokenStore, openTokenizer } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { buildLines, chat, rowsOf, type Settings } from "./stores.js";
import { dataSettings, fileWith, folderWith, tinyModel } from "./support.js";

describe("an example longer than max_length", () => {
  const ids = (length: number) => Array.from({ length }, (_, index) => index + 3);

  it("is truncated and counted, with one warning that names the first", async () => {
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

  it("is dropped and counted, with a warning, if no supervised token remains", async () => {
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
      /^1 of 2 examples \(first: .*:1\) have no supervised token within data\.max_length \(5\)/,
    );
    await expectRejection(
      buildLines([late, late], { max_length: 5 }),
      "data",
      /train\.jsonl: every example is longer than data\.max_length \(5\)/,
      /Raise data\.max_length/,
    );
  });
});

describe("an example without supervised tokens", () => {
  it.each<[string, unknown, Settings]>([
    ["a conversation without an answer", { messages: [{ role: "user", content: "hi" }] }, {}],
    ["labels of -100", { input_ids: [5, 6], labels: [-100, -100] }, {}],
    ["only its first token, which nothing predicts", { input_ids: [5, 6], labels: [5, -100] }, {}],
    ["an empty text", { text: "" }, {}],
  ])("is rejected with its line: %s", async (_, line, settings) => {
    const good =
      "text" in (line as object)
        ? { text: "good" }
        : "messages" in (line as object)
          ? chat("q", "a")
          : { input_ids: [5, 6] };
    await expectRejection(
      buildLines([good, line], settings),
      "data",
      /train\.jsonl:2: this example has no supervised token/,
      /remove the line/,
    );
  });
});

describe("data that don't suit the model", () => {
  it("of another format are rejected with the line", async () => {
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

  it("with ids beyond the vocabulary are rejected with the line", async () => {
    await expectRejection(
      buildLines([{ input_ids: [1, 2] }, { input_ids: [1, 2048] }]),
      "data",
      /train\.jsonl:2: "input_ids" has the number 2048/,
    );
  });

  it("with tokens that the model lacks are rejected with the token", async () => {
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
      /train\.jsonl:1: token 2048 \("<new>"\) is not in the model's vocabulary of 2048/,
      /came with the model/,
    );
  });

  it("with conversations are rejected without a chat template, with the key to set", async () => {
    const folder = await folderWith({ "tokenizer.json": await readFile(path.join(tinyModel, "tokenizer.json")) });
    const source = await fileWith([chat("q", "a")]);
    const store = buildTokenStore({ source, data: dataSettings, tokenizer: await openTokenizer(folder) });
    await expectRejection(store, "data", /train\.jsonl:1: .*no chat template/, /data\.chat_template/);
  });

  it("that make the template fail are rejected with the line and the template's message", async () => {
    const chat_template =
      "{% for m in messages %}{{ m.content if m.content != 'bad' else raise_exception('no bad words') }}{% endfor %}";
    const settings = { chat_template, assistant_only_loss: false };
    await expectRejection(
      buildLines([chat("q", "a"), chat("bad", "a")], settings),
      "data",
      /train\.jsonl:2: .*data\.chat_template refuses message 1 \(user\): no bad words/,
    );
  });
});
