/** Converts a text or a conversation into the token ids of a prompt. Reads no files. */
import type { Conversation } from "../data/index.js";
import { CoxswainError } from "../errors.js";
import type { OpenedModel } from "../generation/index.js";

/** The user's request, before the model is loaded. */
export type PromptRequest =
  | { readonly kind: "conversation"; readonly conversation: Conversation; readonly where: string }
  | { readonly kind: "prompt"; readonly text: string; readonly system: string | null; readonly raw: boolean };

/** Names of the conversation and the system message in error messages. */
export interface ConversationNames {
  /** "chat.json" */
  readonly where: string;
  /** "--system" */
  readonly system: string;
}

/**
 * Converts plain values into a conversation: a list of messages, or an object with `messages` and `tools`.
 * @throws CoxswainError "data" if it is invalid or ends with an answer, "usage" if it already has a system message
 */
export async function conversationOf(
  value: unknown,
  system: string | undefined,
  { where, system: systemName }: ConversationNames,
): Promise<Conversation> {
  const { exampleReader } = await import("../data/index.js");
  const record = Array.isArray(value) ? { messages: value as unknown[] } : value;
  const example = exampleReader("messages", { chat: true, vocabSize: Number.MAX_SAFE_INTEGER })(record, where);
  if (example.kind !== "chat") throw new CoxswainError("bug", "format messages is not read as a conversation");
  const { messages, tools, templateKwargs } = example;
  if (messages.at(-1)?.role === "assistant") {
    throw new CoxswainError("data", `${where}: the last message is the assistant's, so there is nothing to answer`, {
      hint: "End the conversation with a user message.",
    });
  }
  if (system === undefined) return { messages, tools, templateKwargs };
  if (messages[0]?.role === "system") throw contradiction(systemName, `the system message of ${where}`);
  return { messages: [{ role: "system", content: system }, ...messages], tools, templateKwargs };
}

export const contradiction = (one: string, other: string): CoxswainError =>
  new CoxswainError("usage", `${one} and ${other} can't be given together`);

/**
 * The token ids of the prompt. With a chat template, the prompt is a user message; without one, or with `raw`, it is the
 * text to continue.
 */
export async function promptTokens(
  request: PromptRequest,
  { tokenizer, templates }: Pick<OpenedModel, "tokenizer" | "templates">,
): Promise<Int32Array> {
  if (request.kind === "prompt" && (request.raw || (templates === null && request.system === null))) {
    const { ids } = await tokenizer.encode(request.text);
    // Without the tokens that the tokenizer appends: the model continues the text.
    return ids.subarray(0, ids.length - tokenizer.affixes.after);
  }
  if (templates === null) {
    throw new CoxswainError("model", `${tokenizer.folder} has no chat template, so it takes no messages`, {
      hint: "Give a template with `chatTemplate` (--chat-template), or a text to continue with `prompt` (--prompt).",
    });
  }
  const conversation = request.kind === "conversation" ? request.conversation : asConversation(request);
  const where = request.kind === "conversation" ? request.where : "the prompt";
  const { knownRoles, requireKnownRoles } = await import("../data/index.js");
  const roles = knownRoles(templates.plain.source, templates.tools.source);
  requireKnownRoles(conversation.messages, roles, where);
  const template = conversation.tools === null ? templates.plain : templates.tools;
  const text = template.render(conversation, { addGenerationPrompt: true, where });
  return (await tokenizer.encode(text, { addSpecialTokens: false })).ids;
}

function asConversation({ text, system }: Extract<PromptRequest, { kind: "prompt" }>): Conversation {
  const user = { role: "user", content: text };
  return { messages: system === null ? [user] : [{ role: "system", content: system }, user], tools: null };
}
