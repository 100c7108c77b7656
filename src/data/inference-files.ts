/**
 * The files that inference with a trained adapter needs, laid out next to it as transformers does: tokenizer, chat
 * templates, end tokens. They contain the run's chat template if it differs from the model's. Writes nothing.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { refuseSpecialFile } from "../regular-file.js";
import { endOfTurnToken } from "./end-of-turn.js";
import { openChatTemplates, overrideText } from "./model-templates.js";
import { openTokenizerIfAny } from "./absent-tokenizer.js";
import { classOfFiles } from "./tokenizer/definition.js";
import { isObject } from "./json-object.js";
import { readChatTemplates, type FolderTemplates } from "./tokenizer-files.js";

export interface InferenceFilesOptions {
  /** The base model's. */
  readonly folder: string;
  /** The adapter that training starts from; its own files take precedence over the model's. Default: none. */
  readonly adapter?: string | null;
  /** `data.chat_template`: Jinja text, or the path of a file. */
  readonly chatTemplate: string | null;
  /** `data.chat_template_kwargs`. Default: none. */
  readonly templateKwargs?: Readonly<Record<string, unknown>>;
}

const templateFile = "chat_template.jinja";
const templateFolder = "additional_chat_templates";
const tokenizerConfigFile = "tokenizer_config.json";
const generationConfigFile = "generation_config.json";
const copiedFiles = ["tokenizer.json", "special_tokens_map.json", "added_tokens.json"];

type JsonObject = Readonly<Record<string, unknown>>;
type FileMap = Map<string, Uint8Array>;

/** @returns current contents by name within the adapter's folder ("additional_chat_templates/tool_use.jinja")
 * @throws CoxswainError "model" for an unreadable file, "config" for an unreadable template
 */
export async function inferenceFiles(options: InferenceFilesOptions): Promise<ReadonlyMap<string, Uint8Array>> {
  const { folder, adapter = null, chatTemplate } = options;
  const folders = adapter === null ? [folder] : [adapter, folder];
  const files: FileMap = new Map();
  for (const name of copiedFiles) await copyFirst(folders, name, files);
  await addTemplates(folders, chatTemplate, files);
  await nameTokenizerClass(folder, files);
  const generation = await generationConfig(options, folders);
  if (generation !== null) files.set(generationConfigFile, generation);
  return new Map([...files].sort(([one], [other]) => (one < other ? -1 : 1)));
}

async function copyFirst(folders: readonly string[], name: string, into: FileMap): Promise<void> {
  for (const folder of folders) {
    const bytes = await readIfAny(path.join(folder, name));
    if (bytes === null) continue;
    into.set(name, bytes);
    return;
  }
}

/**
 * The run's template; otherwise those of the first folder that has any, unchanged, with tokenizer_config.json, which
 * may contain them, from the same folder.
 */
async function addTemplates(folders: readonly string[], override: string | null, into: FileMap): Promise<void> {
  const configs = await Promise.all(folders.map((folder) => readIfAny(path.join(folder, tokenizerConfigFile))));
  const config = configs.find((each) => each !== null) ?? null;
  const templates = override === null ? await firstTemplates(folders) : ownTemplate(await overrideText(override));
  const asTheyLie = config !== null && configs.indexOf(config) === folders.indexOf(templates.folder);
  if (config !== null) into.set(tokenizerConfigFile, asTheyLie ? config : withoutTemplate(config));
  for (const [name, text] of templates.byName) {
    const file = name === "default" ? templateFile : `${templateFolder}/${name}.jinja`;
    if (!asTheyLie) into.set(file, Buffer.from(text));
    else await copyFirst([templates.folder], file, into);
  }
  // Beside other files, transformers does not read the main template from tokenizer_config.json.
  const main = templates.byName.get("default");
  const hasFiles = [...into.keys()].some((file) => file.startsWith(templateFolder));
  if (main !== undefined && hasFiles && !into.has(templateFile)) into.set(templateFile, Buffer.from(main));
}

async function firstTemplates(folders: readonly string[]): Promise<FolderTemplates> {
  for (const folder of folders) {
    const templates = await readChatTemplates(folder);
    if (templates.byName.size > 0) return templates;
  }
  return { byName: new Map(), folder: folders[0] ?? "" };
}

const ownTemplate = (text: string): FolderTemplates => ({ byName: new Map([["default", text]]), folder: "" });

const withoutTemplate = (config: Uint8Array): Uint8Array =>
  jsonBytes(Object.fromEntries(Object.entries(parse(config)).filter(([key]) => key !== "chat_template")));

/**
 * tokenizer_config.json names the tokenizer's class that transformers uses for the model, where it would choose another
 * one for this folder: it has no config.json.
 */
async function nameTokenizerClass(folder: string, files: FileMap): Promise<void> {
  const json = files.get("tokenizer.json");
  const model = await readIfAny(path.join(folder, "config.json"));
  if (json === undefined || model === null) return;
  const text = Buffer.from(json).toString("utf8");
  const config = parse(files.get(tokenizerConfigFile) ?? Buffer.from("{}"));
  const name = classOfFiles(text, config, parse(model));
  if (name === classOfFiles(text, config, {})) return;
  files.set(tokenizerConfigFile, jsonBytes({ ...config, tokenizer_class: name }));
}

/**
 * generation_config.json, with the end-of-turn token of the run's own template added if it does not list it: other
 * programs stop at the tokens in this file.
 */
async function generationConfig(
  { folder, adapter = null, chatTemplate, templateKwargs: kwargs = {} }: InferenceFilesOptions,
  folders: readonly string[],
): Promise<Uint8Array | null> {
  const found: FileMap = new Map();
  await copyFirst(folders, generationConfigFile, found);
  const bytes = found.get(generationConfigFile) ?? null;
  if (chatTemplate === null) return bytes;
  const tokenizer = await openTokenizerIfAny(folder, { adapter });
  const templates = await openChatTemplates(tokenizer, { override: chatTemplate, kwargs });
  const token = templates === null ? null : endOfTurnToken(templates, tokenizer.controlTokens);
  const id = token === null ? null : tokenizer.tokenToId(token);
  if (id === null) return bytes;
  const config = bytes === null ? { bos_token_id: tokenizer.bosId, pad_token_id: tokenizer.padId } : parse(bytes);
  const known = [config["eos_token_id"]].flat().filter((each): each is number => Number.isInteger(each));
  const ends = known.length > 0 ? known : tokenizer.eosIds;
  if (ends.includes(id)) return bytes;
  return jsonBytes({ ...config, eos_token_id: [...new Set([...ends, id])] });
}

async function readIfAny(file: string): Promise<Uint8Array | null> {
  await refuseSpecialFile(file, "model");
  try {
    return await readFile(file);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return null;
    throw new CoxswainError("model", `${file} can't be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Opening the tokenizer reports files that are not JSON. */
function parse(bytes: Uint8Array): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

const jsonBytes = (value: JsonObject): Uint8Array => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
