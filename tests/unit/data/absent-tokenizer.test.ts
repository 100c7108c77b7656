/** Without this, a model folder without a tokenizer cannot be trained on token ids, or fails without saying why. */
import { describe, expect, it } from "vitest";
import { buildTokenStore, openTokenizerIfAny } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { dataSettings, fileWith, folderWith, tinyModel } from "./support.js";

const config = { "config.json": JSON.stringify({ vocab_size: 32 }) };
const bare = await folderWith(config);

const build = async (example: object) =>
  buildTokenStore({ source: await fileWith([example]), data: dataSettings, tokenizer: await openTokenizerIfAny(bare) });

describe("a model folder without a tokenizer", () => {
  it("can be trained on token ids within the model's vocabulary", async () => {
    const store = await build({ input_ids: [1, 31, 2], labels: [-100, 31, 2] });
    expect(Array.from(store.row(0).inputIds)).toEqual([1, 31, 2]);
    expect(Array.from(store.row(0).labels)).toEqual([-100, 31, 2]);
    await expectRejection(build({ input_ids: [1, 32], labels: [1, 32] }), "data", /train\.jsonl:1/, /./);
  });

  const messages = [
    { role: "user", content: "hello" },
    { role: "assistant", content: "hello you" },
  ];
  it.each([
    ["a conversation, without blaming the data's first line", { messages }],
    ["a text", { text: "hello" }],
    ["a prompt and its completion", { prompt: "hello", completion: " you" }],
  ])("rejects %s, naming the missing file", async (_, example) => {
    await expectRejection(build(example), "model", new RegExp(`${bare}.*tokenizer\\.json`), /./);
  });

  it("knows no tokens, by text or by id", async () => {
    const tokenizer = await openTokenizerIfAny(bare);
    expect(tokenizer).toMatchObject({ folder: bare, vocabSize: 32, modelVocabSize: 32, eosIds: [], bosId: null });
    expect(tokenizer.tokenToId("hello")).toBeNull();
    expect(tokenizer.idToToken(1)).toBeNull();
    for (const refused of [tokenizer.encode("a"), tokenizer.encodeBatch(["a"]), tokenizer.decode([1])])
      await expectRejection(refused, "model", /tokenizer\.json/, /./);
  });
});

describe("a tokenizer is not considered absent", () => {
  it("if there is one", async () => {
    const tokenizer = await openTokenizerIfAny(tinyModel);
    expect(await tokenizer.decode((await tokenizer.encode("Lights on")).ids)).toBe("Lights on");
  });

  it("if it cannot be read", async () => {
    const broken = await folderWith({ ...config, "tokenizer.json": "{" });
    await expectRejection(openTokenizerIfAny(broken), "model", /tokenizer\.json/, /./);
  });

  it.each([
    ["no config.json", {}],
    ["a config.json that is not JSON", { "config.json": "{" }],
    ["a config.json without vocab_size", { "config.json": "{}" }],
  ])("if the vocabulary size is unknown: %s", async (_, files) => {
    const folder = await folderWith({ "README.md": "", ...files });
    await expectRejection(openTokenizerIfAny(folder), "model", /tokenizer\.json/, /./);
  });
});
