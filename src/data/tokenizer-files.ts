/**
 * The files of a model folder that define tokenisation: tokenizer.json, tokenizer_config.json,
 * special_tokens_map.json, added_tokens.json, chat_template.jinja, additional_chat_templates/, config.json,
 * generation_config.json.
 * Knows where transformers 4 and 5 store each setting; does not know the native tokenizer.
 */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { readTextFile } from "../regular-file.js";
import { isObject, type JsonObject } from "./json-object.js";

/** Texts of special tokens by transformers' names (`bos_token`, …), as it passes them to a chat template. */
export type SpecialTokens = Readonly<Record<string, string>>;

/** The chat templates of a model or of an adapter. */
export interface FolderTemplates {
  /** By name; the main one is "default". */
  readonly byName: ReadonlyMap<string, string>;
  /** Their folder, for messages. */
  readonly folder: string;
}

/** The contents of the files. */
export interface TokenizerFiles {
  /** tokenizer.json as text. */
  readonly tokenizerJson: string;
  readonly tokenizer: JsonObject;
  /** tokenizer_config.json. */
  readonly tokenizerConfig: JsonObject;
  /** special_tokens_map.json and added_tokens.json, which transformers 4 wrote. */
  readonly specialTokensMap: JsonObject;
  readonly addedTokensFile: JsonObject;
  /** config.json. */
  readonly config: JsonObject;
  /** The adapter's if it has any, otherwise the model's. */
  readonly chatTemplates: FolderTemplates;
  /** The model's own. */
  readonly modelTemplates: FolderTemplates;
  /** Whether the adapter's tokenizer.json differs from the model's. */
  readonly otherTokenizer: boolean;
  /** Ids from generation_config.json, then config.json. */
  readonly bosIds: readonly number[];
  readonly eosIds: readonly number[];
  readonly padIds: readonly number[];
  /** Rows of the embedding according to config.json, or null. */
  readonly modelVocabSize: number | null;
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readTextFile(file, "model");
  } catch (error) {
    if (error instanceof CoxswainError) throw error;
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return null;
    throw new CoxswainError("model", `${file} can't be read: ${messageOf(error)}`, { cause: error });
  }
}

function parseObject(file: string, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CoxswainError("model", `${file} isn't JSON: ${messageOf(error)}`, {
      hint: "The file may be truncated: copy or download the model folder again.",
      cause: error,
    });
  }
  if (!isObject(value)) throw new CoxswainError("model", `${file} is not a JSON object`);
  return value;
}

async function readObjectIfAny(file: string): Promise<JsonObject | null> {
  const text = await readText(file);
  return text === null ? null : parseObject(file, text);
}

const readObject = async (file: string): Promise<JsonObject> => (await readObjectIfAny(file)) ?? {};

/** Ids under `key`: a number, a list of numbers, or nothing. */
function idsOf(configs: readonly JsonObject[], key: string): number[] {
  const ids = configs.flatMap((config) => config[key]).filter((id): id is number => Number.isInteger(id));
  return [...new Set(ids)];
}

/** `chat_template` of tokenizer_config.json: a text, or several by name. */
function configuredTemplates(configured: unknown): Map<string, string> {
  const named: (readonly [unknown, unknown])[] = Array.isArray(configured)
    ? configured.filter(isObject).map(({ name, template }) => [name, template] as const)
    : isObject(configured)
      ? Object.entries(configured)
      : [["default", configured]];
  return new Map(
    named.filter((entry): entry is [string, string] => typeof entry[0] === "string" && typeof entry[1] === "string"),
  );
}

/** chat_template.jinja, and additional_chat_templates/<name>.jinja. */
async function templatesInFiles(folder: string): Promise<Map<string, string>> {
  const templates = new Map<string, string>();
  const own = await readText(path.join(folder, "chat_template.jinja"));
  if (own !== null) templates.set("default", own);
  const more = path.join(folder, "additional_chat_templates");
  const names = await readdir(more).catch(() => []);
  for (const name of names.filter((file) => file.endsWith(".jinja")).sort()) {
    const text = await readText(path.join(more, name));
    if (text !== null) templates.set(path.basename(name, ".jinja"), text);
  }
  return templates;
}

/**
 * As in transformers: files replace all templates of tokenizer_config.json, also those with other names. Only where no
 * file has the main template, which transformers refuses, it is the configured one.
 */
export async function readChatTemplates(folder: string): Promise<FolderTemplates> {
  const config = await readObject(path.join(folder, "tokenizer_config.json"));
  const configured = configuredTemplates(config["chat_template"]);
  const files = await templatesInFiles(folder);
  const main = configured.get("default");
  if (files.size > 0 && !files.has("default") && main !== undefined) files.set("default", main);
  return { byName: files.size > 0 ? files : configured, folder };
}

/** The result of `read` for the adapter's folder if it has the file, otherwise for the model's. */
const fromEither = async <T>(
  folders: readonly string[],
  name: string,
  read: (file: string) => Promise<T | null>,
): Promise<T | null> => {
  for (const folder of folders) {
    const found = await read(path.join(folder, name));
    if (found !== null) return found;
  }
  return null;
};

/** Compares parsed files, since re-saving may change the text, and ignores truncation and padding. */
function isSameTokenizer(one: string, other: string): boolean {
  if (one === other) return true;
  const meaning = (text: string): JsonObject => ({ ...parseObject("tokenizer.json", text), truncation: 0, padding: 0 });
  return isDeepStrictEqual(meaning(one), meaning(other));
}

function vocabularySize(config: JsonObject): number | null {
  const inner = config["text_config"];
  const size = config["vocab_size"] ?? (isObject(inner) ? inner["vocab_size"] : undefined);
  return typeof size === "number" && Number.isInteger(size) ? size : null;
}

/**
 * Reads the tokenizer's files of a model folder. The files next to an adapter's weights (as written by PEFT and
 * transformers) replace the model's, file by file, except that all chat templates come from one folder.
 * @param adapter an adapter's folder
 * @throws CoxswainError "model" if tokenizer.json is missing, or a file can't be read or isn't JSON
 */
export async function readTokenizerFiles(folder: string, adapter: string | null = null): Promise<TokenizerFiles> {
  const folders = adapter === null ? [folder] : [adapter, folder];
  const tokenizerJson = await fromEither(folders, "tokenizer.json", readText);
  if (tokenizerJson === null) {
    throw new CoxswainError("model", `${folder} has no tokenizer.json`, {
      hint:
        "Set `model` to a Hugging Face folder with a fast tokenizer; transformers writes one: " +
        "AutoTokenizer.from_pretrained(MODEL).save_pretrained(FOLDER).",
    });
  }
  const modelTokenizer = adapter === null ? tokenizerJson : await readText(path.join(folder, "tokenizer.json"));
  const read = async (name: string): Promise<JsonObject> => (await fromEither(folders, name, readObjectIfAny)) ?? {};
  const generationConfig = await read("generation_config.json");
  const config = await readObject(path.join(folder, "config.json"));
  const configs = [generationConfig, config];
  const modelTemplates = await readChatTemplates(folder);
  const adapterTemplates = adapter === null ? null : await readChatTemplates(adapter);
  return {
    tokenizerJson,
    tokenizer: parseObject(path.join(folder, "tokenizer.json"), tokenizerJson),
    tokenizerConfig: await read("tokenizer_config.json"),
    specialTokensMap: await read("special_tokens_map.json"),
    addedTokensFile: await read("added_tokens.json"),
    config,
    chatTemplates: adapterTemplates === null || adapterTemplates.byName.size === 0 ? modelTemplates : adapterTemplates,
    modelTemplates,
    otherTokenizer: modelTokenizer !== null && !isSameTokenizer(tokenizerJson, modelTokenizer),
    bosIds: idsOf(configs, "bos_token_id"),
    eosIds: idsOf(configs, "eos_token_id"),
    padIds: idsOf(configs, "pad_token_id"),
    modelVocabSize: vocabularySize(config),
  };
}
