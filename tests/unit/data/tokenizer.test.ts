/** Without this, a model is trained on other tokens than it was made with, or never learns to stop. */
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openTokenizer } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { flatOffsets, folderWith, inRepository, tinyModel } from "./support.js";

const tinyJson = await readFile(path.join(tinyModel, "tokenizer.json"), "utf8");
const tiny = await openTokenizer(tinyModel);

/** The tiny tokenizer in a folder with these other files (objects as JSON). */
async function variant(files: Readonly<Record<string, unknown>>, tokenizer: string = tinyJson): Promise<string> {
  const texts = Object.entries(files).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return folderWith({ "tokenizer.json": tokenizer, ...(Object.fromEntries(texts) as Record<string, string>) });
}

const edited = (edit: (tokenizer: Record<string, unknown>) => void): string => {
  const tokenizer = JSON.parse(tinyJson) as Record<string, unknown>;
  edit(tokenizer);
  return JSON.stringify(tokenizer);
};

describe("offsets", () => {
  it("are indices of a JavaScript string, also after emoji; bytes of one character share its offsets", async () => {
    const text = "Hi 🌈 there<|im_end|>";
    const encoded = await tiny.encode(text, { addSpecialTokens: false });
    const offsets = flatOffsets(encoded.offsets());
    const pieces = Array.from(encoded.ids, (_, token) => text.slice(offsets[token * 2], offsets[token * 2 + 1]));
    expect(pieces).toEqual(["H", "i", " ", "🌈", "🌈", "🌈", "🌈", " there", "<|im_end|>"]);
  });

  it("cover every text without gaps or overlaps between characters", async () => {
    const texts = ["naïve 日本語 👩‍👩‍👧 x", "\ud83c lone", "", "tabs\t\r\n  and  spaces "];
    for (const [index, encoded] of (await tiny.encodeBatch(texts, { addSpecialTokens: false })).entries()) {
      const offsets = flatOffsets(encoded.offsets());
      let end = 0;
      for (let token = 0; token < encoded.ids.length; token++) {
        const start = offsets[token * 2]!;
        expect(start === end || start === offsets[token * 2 - 2]).toBe(true);
        end = offsets[token * 2 + 1]!;
      }
      expect(end).toBe(texts[index]!.length);
    }
  });
});

describe("encoding", () => {
  it("gives the same alone and in a batch, and decodes to the text", async () => {
    const texts = ["Lights on!", "naïve 🌈 <|im_end|>\n", "", " 12 34"];
    const batch = await tiny.encodeBatch(texts);
    for (const [index, text] of texts.entries()) {
      const { ids } = await tiny.encode(text);
      expect(Array.from(batch[index]!.ids)).toEqual(Array.from(ids));
      expect(await tiny.decode(ids)).toBe(text);
    }
    const { ids } = await tiny.encode("a<|im_end|>");
    expect(await tiny.decode(ids, { skipSpecialTokens: true })).toBe("a");
  });

  it("ignores the truncation and padding of tokenizer.json, like transformers", async () => {
    const folder = await variant(
      {},
      edited((tokenizer) => {
        tokenizer["truncation"] = { direction: "Right", max_length: 2, strategy: "LongestFirst", stride: 0 };
        tokenizer["padding"] = {
          strategy: { Fixed: 9 },
          direction: "Right",
          pad_to_multiple_of: null,
          pad_id: 0,
          pad_type_id: 0,
          pad_token: "<|endoftext|>",
        };
      }),
    );
    const tokenizer = await openTokenizer(folder);
    const text = "a long enough text";
    expect(Array.from((await tokenizer.encode(text)).ids)).toEqual(Array.from((await tiny.encode(text)).ids));
  });

  it("adds the post-processor's tokens, and knows their number", async () => {
    const folder = await variant(
      {},
      edited((tokenizer) => {
        const special = (id: string, token: number) => ({ [id]: { id, ids: [token], tokens: [id] } });
        tokenizer["post_processor"] = {
          type: "TemplateProcessing",
          single: [
            { SpecialToken: { id: "<|im_start|>", type_id: 0 } },
            { Sequence: { id: "A", type_id: 0 } },
            { SpecialToken: { id: "<|im_end|>", type_id: 0 } },
          ],
          pair: [],
          special_tokens: { ...special("<|im_start|>", 1), ...special("<|im_end|>", 2) },
        };
      }),
    );
    const tokenizer = await openTokenizer(folder);
    expect(tokenizer.affixes).toEqual({ before: 1, after: 1 });
    const bare = Array.from((await tiny.encode("x y")).ids);
    expect(Array.from((await tokenizer.encode("x y")).ids)).toEqual([1, ...bare, 2]);
    expect(Array.from((await tokenizer.encode("x y", { addSpecialTokens: false })).ids)).toEqual(bare);
    expect(tiny.affixes).toEqual({ before: 0, after: 0 });
  });
});

describe("special tokens", () => {
  it("of the bundled model are those of its README", () => {
    expect(tiny).toMatchObject({
      vocabSize: 2048,
      modelVocabSize: 2048,
      bosId: null,
      eosId: 2,
      eosToken: "<|im_end|>",
      eosIds: [2],
      padId: 0,
      specialTokens: { eos_token: "<|im_end|>", pad_token: "<|endoftext|>" },
    });
    expect(tiny.controlTokens).toEqual(new Set(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]));
    expect([tiny.tokenToId("<|im_start|>"), tiny.idToToken(1)]).toEqual([1, "<|im_start|>"]);
    expect([tiny.tokenToId("no such token"), tiny.idToToken(99_999)]).toEqual([null, null]);
  });

  it("may be objects, or come from special_tokens_map.json or generation_config.json", async () => {
    const objects = await openTokenizer(
      await variant({
        "tokenizer_config.json": { bos_token: { content: "<|im_start|>", special: true }, pad_token: null },
        "special_tokens_map.json": { eos_token: { content: "<|im_end|>" } },
        "generation_config.json": { eos_token_id: [0, 2], pad_token_id: 1 },
      }),
    );
    expect(objects).toMatchObject({ bosId: 1, eosId: 2, eosIds: [2, 0], padId: 1 });
    expect(objects.specialTokens).toEqual({ bos_token: "<|im_start|>", eos_token: "<|im_end|>" });
    const ids = await openTokenizer(
      await variant({ "config.json": { eos_token_id: 2, bos_token_id: 1, vocab_size: 4096 } }),
    );
    expect(ids).toMatchObject({ bosId: 1, eosId: 2, eosToken: "<|im_end|>", padId: 2, modelVocabSize: 4096 });
    const bare = await openTokenizer(await variant({}));
    expect(bare).toMatchObject({
      bosId: null,
      eosId: null,
      eosToken: null,
      eosIds: [],
      padId: 0,
      modelVocabSize: 2048,
    });
  });

  it("are single tokens even if only tokenizer_config.json lists them, as in transformers", async () => {
    const tokenizer = await openTokenizer(
      await variant({
        "tokenizer_config.json": {
          eos_token: "<end>",
          added_tokens_decoder: { "2048": { content: "<call>", special: false, normalized: false } },
        },
      }),
    );
    const { ids } = await tokenizer.encode("a<call>b<end>");
    expect(Array.from(ids)).toEqual([tiny.tokenToId("a"), 2048, tiny.tokenToId("b"), 2049]);
    expect(tokenizer).toMatchObject({ vocabSize: 2050, eosId: 2049 });
    expect(await tokenizer.decode(ids, { skipSpecialTokens: true })).toBe("a<call>b");
  });
});

describe("the chat template", () => {
  const config = { chat_template: "of the config" };

  it("comes from tokenizer_config.json, a list's default, or a file, which takes precedence", async () => {
    const templateOf = async (files: Readonly<Record<string, unknown>>): Promise<(string | null)[]> => {
      const tokenizer = await openTokenizer(await variant(files));
      return [tokenizer.chatTemplate, tokenizer.toolChatTemplate];
    };
    const list = [
      { name: "default", template: "D" },
      { name: "tool_use", template: "T" },
    ];
    expect(await templateOf({})).toEqual([null, null]);
    expect(await templateOf({ "tokenizer_config.json": config })).toEqual(["of the config", "of the config"]);
    expect(await templateOf({ "tokenizer_config.json": { chat_template: list } })).toEqual(["D", "T"]);
    expect(await templateOf({ "tokenizer_config.json": config, "chat_template.jinja": "F" })).toEqual(["F", "F"]);
    const more = { "chat_template.jinja": "F", "additional_chat_templates/tool_use.jinja": "U" };
    expect(await templateOf(more)).toEqual(["F", "U"]);
    const named = { chat_template: { default: "D", tool_use: "T" } };
    expect(await templateOf({ "tokenizer_config.json": named })).toEqual(["D", "T"]);
  });

  it("comes from files alone if there are any, as in transformers: they replace a whole list", async () => {
    const list = { chat_template: ["default", "tool_use", "rag"].map((name) => ({ name, template: `list ${name}` })) };
    const templatesOf = async (files: Readonly<Record<string, string>>): Promise<(string | null)[]> => {
      const tokenizer = await openTokenizer(await variant({ "tokenizer_config.json": list, ...files }));
      return [tokenizer.chatTemplate, tokenizer.toolChatTemplate];
    };
    expect(await templatesOf({})).toEqual(["list default", "list tool_use"]);
    expect(await templatesOf({ "chat_template.jinja": "F" })).toEqual(["F", "F"]);
    const tools = { "additional_chat_templates/tool_use.jinja": "U" };
    expect(await templatesOf({ "chat_template.jinja": "F", ...tools })).toEqual(["F", "U"]);
    expect(await templatesOf({ "chat_template.jinja": "F", "additional_chat_templates/rag.jinja": "R" })).toEqual([
      "F",
      "F",
    ]);
    expect(await templatesOf(tools)).toEqual(["list default", "U"]);
  });
});

describe("a folder that can't be used", () => {
  it("is rejected without tokenizer.json, with how to create one", async () => {
    const folder = await folderWith({ "config.json": "{}" });
    await expectRejection(openTokenizer(folder), "model", /has no tokenizer\.json/, /save_pretrained/);
    await expectRejection(openTokenizer(path.join(folder, "missing")), "model", /missing has no tokenizer\.json/);
  });

  it("is rejected with a truncated file, by its name", async () => {
    const cut = await folderWith({ "tokenizer.json": tinyJson.slice(0, 5000) });
    await expectRejection(openTokenizer(cut), "model", /tokenizer\.json isn't JSON/, /truncated/);
    const other = await variant({}, '{"version":"1.0"}');
    await expectRejection(openTokenizer(other), "model", /tokenizer\.json isn't a tokenizer/);
    const config = await variant({ "tokenizer_config.json": "{" });
    await expectRejection(openTokenizer(config), "model", /tokenizer_config\.json isn't JSON/);
    const list = await variant({ "generation_config.json": "[]" });
    await expectRejection(openTokenizer(list), "model", /generation_config\.json is not a JSON object/);
  });
});

describe("the golden models' tokenizers", () => {
  it("can be opened, with the ids of their generation_config.json", async () => {
    const folder = await folderWith({});
    await cp(inRepository("tests/golden/llama/model"), folder, { recursive: true });
    expect(await openTokenizer(folder)).toMatchObject({ bosId: 1, eosId: 2, padId: 0, modelVocabSize: 512 });
  });
});
