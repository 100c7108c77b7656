/** Selects the chat template: the run file's, otherwise the adapter's, otherwise the model's. */
import { readFile } from "node:fs/promises";
import { CoxswainError, messageOf } from "../errors.js";
import { saveToFile, specialKindOf } from "../regular-file.js";
import { ChatTemplate } from "./chat-template.js";
import type { TextTokenizer } from "./tokenizer.js";

export interface ChatTemplates {
  readonly plain: ChatTemplate;
  /** For conversations with tools; most models have one template for both. */
  readonly tools: ChatTemplate;
}

export interface ChatTemplatesOptions {
  /** `data.chat_template`: Jinja text, or the path of a file. null: the adapter's, otherwise the model's. */
  readonly override?: string | null;
  /** The clock of `strftime_now`. Default: the system's. */
  readonly now?: () => Date;
  /** `data.chat_template_kwargs`: further variables of the templates. Default: none. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

const looksLikeJinja = (text: string): boolean => /\{[{%#]/.test(text);

/** The text of `data.chat_template`. @throws CoxswainError "config" if it names an unreadable file */
export async function overrideText(override: string): Promise<string> {
  if (looksLikeJinja(override)) return override;
  const kind = await specialKindOf(override);
  if (kind !== undefined) {
    throw new CoxswainError("config", `data.chat_template: ${override} is ${kind}, not a file`, { hint: saveToFile });
  }
  try {
    return await readFile(override, "utf8");
  } catch (error) {
    throw new CoxswainError("config", `data.chat_template: ${override} can't be read: ${messageOf(error)}`, {
      hint: "Give the path of a Jinja file (relative to the run file), or the template's text.",
      cause: error,
    });
  }
}

/**
 * The chat templates to use with a tokenizer, or null if there are none.
 * @throws CoxswainError "config" if the override can't be read, "data" if a template is not valid Jinja
 */
export async function openChatTemplates(
  tokenizer: TextTokenizer,
  { override = null, now = () => new Date(), kwargs = {} }: ChatTemplatesOptions = {},
): Promise<ChatTemplates | null> {
  const { specialTokens, controlTokens, templateFolder: folder } = tokenizer;
  const compile = (source: string, origin: string): ChatTemplate =>
    new ChatTemplate(source, { specialTokens, controlTokens, origin, now, kwargs });
  if (override !== null) {
    const template = compile(await overrideText(override), "data.chat_template");
    return { plain: template, tools: template };
  }
  const { chatTemplate, toolChatTemplate } = tokenizer;
  if (chatTemplate === null) return null;
  const plain = compile(chatTemplate, folder);
  const sameForTools = toolChatTemplate === null || toolChatTemplate === chatTemplate;
  return { plain, tools: sameForTools ? plain : compile(toolChatTemplate, folder) };
}

/**
 * Notes for the user about which template and tokenizer are used, if the adapter's differ from the model's or from the
 * given template.
 * @param override as of `openChatTemplates`
 */
export async function adapterTextNotes(
  { chatTemplate, templateFolder, adapterOwn }: TextTokenizer,
  override: string | null,
): Promise<readonly string[]> {
  const notes: string[] = [];
  if (override === null && adapterOwn.otherTemplate) {
    notes.push(`chat template: the adapter's own, instead of the model's (${templateFolder})`);
  }
  if (override !== null && adapterOwn.template && (await overrideText(override)) !== chatTemplate) {
    notes.push(`chat template: the given one; the adapter was trained with another one (${templateFolder})`);
  }
  if (adapterOwn.otherTokenizer) {
    notes.push("tokenizer: the adapter's own tokenizer.json, which differs from the model's");
  }
  return notes;
}
