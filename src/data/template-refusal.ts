/**
 * Explains what a chat template raises by itself (`raise_exception`): whose rule it is, and which message broke it. Pure.
 */
import { PythonError } from "../jinja/index.js";
import type { ChatMessage } from "./conversation.js";
import type { RenderMessages } from "./template-dialect.js";

/** What a template says when it refuses a conversation, or undefined for any other error. */
export const refusalOf = (error: unknown): string | undefined =>
  error instanceof PythonError && error.kind === "TemplateError" ? error.message : undefined;

export interface Refusal {
  /** "message 1 (system)", or "the conversation". */
  readonly what: string;
  readonly hint: string;
}

const rule = "This is a rule of the template, not of coxswain.";
const other = "or set another template with data.chat_template.";

/**
 * @param said what the template raised for `messages`
 * @param render renders messages with the same template
 */
export function explainRefusal(messages: readonly ChatMessage[], said: string, render: RenderMessages): Refusal {
  const index = refusedIndex(messages, said, render);
  const message = index === undefined ? undefined : messages[index];
  if (index === undefined || message === undefined) {
    return { what: "the conversation", hint: `${rule} Change the conversation, ${other}` };
  }
  const isFirstTurn = message.role === "assistant" && !messages.slice(0, index).some(({ role }) => role === "user");
  if (isFirstTurn) {
    return {
      what: `message ${index + 1} (assistant)`,
      hint:
        `${rule} The conversation begins with an assistant message: write the user message that it answers before it, ` +
        `remove it, ${other}`,
    };
  }
  const isSystem = message.role === "system" || message.role === "developer";
  const change = isSystem ? "Write its text at the start of the first user message" : "Change or remove that message";
  return { what: `message ${index + 1} (${message.role})`, hint: `${rule} ${change}, ${other}` };
}

/** The first message from which on the template refuses; undefined if it is not one message's fault. */
function refusedIndex(messages: readonly ChatMessage[], said: string, render: RenderMessages): number | undefined {
  const refuses = (part: readonly ChatMessage[]): boolean => {
    try {
      render(part);
      return false;
    } catch (error) {
      return refusalOf(error) === said;
    }
  };
  const index = messages.findIndex((_, last) => refuses(messages.slice(0, last + 1)));
  if (index > 0) return index;
  // The first message alone may be refused for what does not follow it, such as a question.
  const role = messages[0]?.role;
  return index === 0 && !refuses(messages.filter((message) => message.role !== role)) ? 0 : undefined;
}
