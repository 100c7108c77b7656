/** What `coxswain generate` is asked: from options, a file or standard input to token ids. */
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { exampleReader, knownRoles, requireKnownRoles, type Conversation } from "../../data/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";
import { isOpenedByShell, refuseSpecialFile } from "../../regular-file.js";
import { parseJson } from "../../jinja/index.js";
import type { OpenedModel } from "../../generation/index.js";
import type { GenerateFlags } from "./flags.js";
import { warn } from "../terminal/quiet-progress.js";

/** What the user asks, before the model is known. */
export type PromptRequest =
  | { readonly kind: "conversation"; readonly conversation: Conversation; readonly where: string }
  | { readonly kind: "prompt"; readonly text: string; readonly system: string | null; readonly raw: boolean };

type PromptFlags = Pick<GenerateFlags, "prompt" | "messages" | "system" | "raw">;

/** Standard input, as far as it is needed here. */
export interface PromptInput extends AsyncIterable<unknown> {
  readonly isTTY?: boolean | undefined;
}

/**
 * @param input standard input; not touched where a prompt is given
 * @throws CoxswainError "usage" for options that contradict each other or a prompt that is empty; "data" for a file that
 *   is no conversation
 */
export async function readRequest(
  { prompt, messages, system, ...flags }: PromptFlags,
  input: () => PromptInput,
): Promise<PromptRequest> {
  const raw = flags.raw === true;
  if (messages !== undefined) {
    const other = prompt !== undefined ? "--prompt" : raw ? "--raw" : undefined;
    if (other !== undefined) throw contradiction("--messages", other);
    return { kind: "conversation", conversation: await readConversation(messages, system), where: messages };
  }
  if (raw && system !== undefined) throw contradiction("--raw", "--system");
  const text = prompt ?? (await readInput(input()));
  if (text === "") throw new CoxswainError("usage", "the prompt is empty", { hint: 'Give one with --prompt "…".' });
  return { kind: "prompt", text, system: system ?? null, raw };
}

/**
 * The prompt's tokens. A prompt is what a user says where the model has a chat template; else, and with --raw, it is the
 * text to go on from.
 */
export async function promptTokens(
  request: PromptRequest,
  { tokenizer, templates }: Pick<OpenedModel, "tokenizer" | "templates">,
): Promise<Int32Array> {
  if (request.kind === "prompt" && (request.raw || (templates === null && request.system === null))) {
    const { ids } = await tokenizer.encode(request.text);
    // Without what the tokenizer puts after a text: the text goes on.
    return ids.subarray(0, ids.length - tokenizer.affixes.after);
  }
  if (templates === null) {
    throw new CoxswainError("model", `${tokenizer.folder} has no chat template, so it takes no messages`, {
      hint: "Give a template with --chat-template, or go on from a text with --prompt.",
    });
  }
  const conversation = request.kind === "conversation" ? request.conversation : conversationOf(request);
  const where = request.kind === "conversation" ? request.where : "the prompt";
  const roles = knownRoles(templates.plain.source, templates.tools.source);
  requireKnownRoles(conversation.messages, roles, where);
  const template = conversation.tools === null ? templates.plain : templates.tools;
  const text = template.render(conversation, { addGenerationPrompt: true, where });
  return (await tokenizer.encode(text, { addSpecialTokens: false })).ids;
}

function conversationOf({ text, system }: Extract<PromptRequest, { kind: "prompt" }>): Conversation {
  const user = { role: "user", content: text };
  return { messages: system === null ? [user] : [{ role: "system", content: system }, user], tools: null };
}

async function readInput(input: PromptInput): Promise<string> {
  if (input.isTTY === true) warn("reading the prompt from standard input; Ctrl-D ends it");
  // The line break that `echo` and editors put at the end is not part of the question.
  return (await readAll(input as AsyncIterable<Uint8Array>)).replace(/\r?\n$/, "");
}

async function readConversation(file: string, system: string | undefined): Promise<Conversation> {
  const value = parse(await readText(file), file);
  const record = Array.isArray(value) ? { messages: value as unknown[] } : value;
  const example = exampleReader("messages", { chat: true, vocabSize: Number.MAX_SAFE_INTEGER })(record, file);
  if (example.kind !== "chat") throw new CoxswainError("bug", "format messages is not read as a conversation");
  const { messages, tools } = example;
  if (messages.at(-1)?.role === "assistant") {
    throw new CoxswainError("data", `${file}: the last message is the assistant's: there is nothing to answer`, {
      hint: "End the conversation with a message of the user.",
    });
  }
  if (system === undefined) return { messages, tools };
  if (messages[0]?.role === "system") throw contradiction("--system", `the system message of ${file}`);
  return { messages: [{ role: "system", content: system }, ...messages], tools };
}

async function readText(file: string): Promise<string> {
  if (!isOpenedByShell(file)) await refuseSpecialFile(file, "data");
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const missing = systemCodeOf(error) === "ENOENT";
    throw new CoxswainError("data", missing ? `${file}: no such file` : `${file} can't be read: ${messageOf(error)}`, {
      hint: "--messages takes the path of a JSON file.",
      cause: error,
    });
  }
}

function parse(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${file}: not JSON: ${messageOf(error)}`, {
      hint: 'It holds a list such as [{"role": "user", "content": "…"}].',
      cause: error,
    });
  }
}

const contradiction = (one: string, other: string): CoxswainError =>
  new CoxswainError("usage", `${one} and ${other} can't be given together`);
