import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { adapterTextNotes, inferenceFiles, openChatTemplates, openTokenizer } from "../../../src/data/index.js";
import { readJson, tinyModel } from "./support.js";

const plain = "{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}";
const endOfText = "{% for m in messages %}{{ m['content'] }}<|endoftext|>{% endfor %}";

async function folderWith(files: Readonly<Record<string, string>>, from?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "coxswain-data-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  if (from !== undefined) {
    for (const name of ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]) {
      await copyFile(join(from, name), join(folder, name));
    }
  }
  await mkdir(join(folder, "additional_chat_templates"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

async function textsOf(options: Parameters<typeof inferenceFiles>[0]): Promise<Record<string, string>> {
  const files = await inferenceFiles(options);
  return Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString("utf8")]));
}

const config = readJson(join(tinyModel, "tokenizer_config.json")) as Record<string, unknown>;

describe("the files for inference accompany an adapter", () => {
  it("the model's own files, unchanged, if the run has no other template", async () => {
    const model = await folderWith({ "additional_chat_templates/tool_use.jinja": "TOOL", "vocab.txt": "x" }, tinyModel);
    const texts = await textsOf({ folder: model, chatTemplate: null });
    expect(Object.keys(texts)).toEqual([
      "additional_chat_templates/tool_use.jinja",
      "chat_template.jinja",
      "generation_config.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(texts["additional_chat_templates/tool_use.jinja"]).toBe("TOOL");
    // Beside a file of another name, transformers reads no template from tokenizer_config.json.
    expect(texts["chat_template.jinja"]).toBe(config["chat_template"]);
    expect(JSON.parse(texts["tokenizer_config.json"]!)).toEqual(config);
  });

  it("the run's template instead of all of the model's", async () => {
    const model = await folderWith({ "additional_chat_templates/tool_use.jinja": "TOOL" }, tinyModel);
    const texts = await textsOf({ folder: model, chatTemplate: plain });
    expect(texts["chat_template.jinja"]).toBe(plain);
    expect(texts["additional_chat_templates/tool_use.jinja"]).toBeUndefined();
    const rest = Object.entries(config).filter(([key]) => key !== "chat_template");
    expect(JSON.parse(texts["tokenizer_config.json"]!)).toEqual(Object.fromEntries(rest));
  });

  it("the end-of-turn token of the run's template, at which other programs stop", async () => {
    const eosOf = async (chatTemplate: string): Promise<unknown> => {
      const texts = await textsOf({ folder: tinyModel, chatTemplate });
      return (JSON.parse(texts["generation_config.json"]!) as Record<string, unknown>)["eos_token_id"];
    };
    // <|im_end|> is 2, which the model stops at by itself; <|endoftext|> is 0.
    expect(await eosOf(plain)).toBe(2);
    expect(await eosOf(endOfText)).toEqual([2, 0]);
  });

  it("the tokenizer's class that transformers uses for the model, which it could not know from this folder", async () => {
    const model = await folderWith({}, tinyModel);
    const classFor = async (modelType: string, tokenizerClass: string): Promise<unknown> => {
      await writeFile(join(model, "config.json"), JSON.stringify({ model_type: modelType }));
      await writeFile(join(model, "tokenizer_config.json"), JSON.stringify({ tokenizer_class: tokenizerClass }));
      const texts = await textsOf({ folder: model, chatTemplate: null });
      return (JSON.parse(texts["tokenizer_config.json"]!) as Record<string, unknown>)["tokenizer_class"];
    };
    expect(await classFor("qwen2", "PreTrainedTokenizerFast")).toBe("Qwen2Tokenizer");
    expect(await classFor("mistral", "GPT2Tokenizer")).toBe("TokenizersBackend");
    expect(await classFor("llama", "GPT2Tokenizer")).toBe("GPT2Tokenizer");
    expect(await classFor("qwen3", "PreTrainedTokenizerFast")).toBe("PreTrainedTokenizerFast");
  });

  it("the template of the adapter that training started from", async () => {
    const adapter = await folderWith({ "chat_template.jinja": plain });
    const texts = await textsOf({ folder: tinyModel, adapter, chatTemplate: null });
    expect(texts["chat_template.jinja"]).toBe(plain);
    expect(JSON.parse(texts["tokenizer_config.json"]!)).not.toHaveProperty("chat_template");
  });

  it("the model's template if the adapter's tokenizer_config.json has none", async () => {
    const adapter = await folderWith({ "tokenizer_config.json": '{"eos_token":"<|endoftext|>"}' });
    const texts = await textsOf({ folder: tinyModel, adapter, chatTemplate: null });
    expect(texts["chat_template.jinja"]).toBe(config["chat_template"]);
    expect(JSON.parse(texts["tokenizer_config.json"]!)).toEqual({ eos_token: "<|endoftext|>" });
  });

  it("nothing if the model has no tokenizer", async () => {
    const model = await folderWith({ "config.json": '{"vocab_size":8}' });
    expect(await textsOf({ folder: model, chatTemplate: null })).toEqual({});
  });
});

describe("inference uses the adapter's own template", () => {
  const conversation = { messages: [{ role: "user", content: "hi" }], tools: null };

  it("before the model's, and after a given one, with a note if they differ", async () => {
    const adapter = await folderWith({ "chat_template.jinja": plain });
    const tokenizer = await openTokenizer(tinyModel, { adapter });
    expect((await openChatTemplates(tokenizer))?.plain.render(conversation)).toBe("hi<|im_end|>");
    const given = await openChatTemplates(tokenizer, { override: endOfText });
    expect(given?.plain.render(conversation)).toBe("hi<|endoftext|>");
    expect(await adapterTextNotes(tokenizer, null)).toEqual([
      `chat template: the adapter's own, instead of the model's (${adapter})`,
    ]);
    expect(await adapterTextNotes(tokenizer, endOfText)).toEqual([
      `chat template: the given one; the adapter was trained with another one (${adapter})`,
    ]);
    expect(await adapterTextNotes(tokenizer, plain)).toEqual([]);
  });

  it("without a note if its files equal the model's", async () => {
    const adapter = await folderWith({}, tinyModel);
    const tokenizer = await openTokenizer(tinyModel, { adapter });
    expect(await adapterTextNotes(tokenizer, null)).toEqual([]);
  });

  it("with its own tokens and a note", async () => {
    const adapter = await folderWith({}, tinyModel);
    const tokens = readJson(join(tinyModel, "tokenizer.json")) as { added_tokens: object[] };
    const added = { ...tokens.added_tokens[0], id: 99_999, content: "<|mine|>" };
    await writeFile(
      join(adapter, "tokenizer.json"),
      JSON.stringify({ ...tokens, added_tokens: [...tokens.added_tokens, added] }),
    );
    const tokenizer = await openTokenizer(tinyModel, { adapter });
    expect(tokenizer.tokenToId("<|mine|>")).not.toBeNull();
    expect((await adapterTextNotes(tokenizer, null))[0]).toContain("the adapter's own tokenizer.json");
    // Another layout of the same JSON is no other tokenizer.
    await writeFile(join(adapter, "tokenizer.json"), JSON.stringify(tokens, undefined, 4));
    expect(await adapterTextNotes(await openTokenizer(tinyModel, { adapter }), null)).toEqual([]);
  });
});
