/**
 * Detects parts of a conversation that its chat template omits: tools, tool calls, keys of messages, whole messages,
 * answers, their ends. The template renders without an error, but the model would never see or learn that content. Pure.
 */
import { isEmptyAnswer, withoutThought } from "./thoughts.js";
import { jsonKey } from "../jinja/index.js";
import type { ChatTemplate } from "./chat-template.js";
import type { ChatMessage, Conversation } from "./conversation.js";

export type IgnoredKind =
  | "ignored_tools"
  | "ignored_tool_calls"
  | "ignored_message"
  | "ignored_message_key"
  | "ignored_kwarg"
  | "empty_answer"
  | "open_answer"
  | "developer_as_system";

/** What is omitted, with details: the key or the message. */
export interface Ignored {
  readonly kind: IgnoredKind;
  readonly detail: string | null;
}

export interface RenderedConversation {
  readonly text: string;
  /** The assistant's messages that are supervised. */
  readonly answers: readonly ChatMessage[];
  /** The assistant's supervised texts; null: not determined. */
  readonly said: readonly string[] | null;
}

export function ignoredParts(
  conversation: Conversation,
  { text, answers, said }: RenderedConversation,
  template: ChatTemplate,
): readonly Ignored[] {
  const { messages, tools, templateKwargs } = conversation;
  const found: Ignored[] = [];
  const add = (kind: IgnoredKind, detail: string | null = null): void => {
    found.push({ kind, detail });
  };
  const own = templateKwargs === undefined ? {} : { templateKwargs };
  if (tools !== null && template.rendersAs({ messages, tools: null, ...own }, text)) add("ignored_tools");
  const isWithoutCalls = (): boolean =>
    template.rendersAs({ messages: messages.map(withoutToolCalls), tools, ...own }, text);
  if (messages.some(hasToolCalls) && isWithoutCalls()) add("ignored_tool_calls");
  const left = messages.findIndex(
    ({ role, content }) => readRoles.has(role) && content !== undefined && !text.includes(content.trim()),
  );
  const leftOut = messages[left];
  if (leftOut !== undefined) add("ignored_message", `message ${left + 1}, ${leftOut.role}`);
  const keys = messages.flatMap((message) => Object.keys(message).filter((each) => isSomething(message[each])));
  const key = keys.find((each) => !isRead(each, template.source));
  if (key !== undefined) add("ignored_message_key", JSON.stringify(key));
  const spoken = said?.filter((each) => saysSomething(each, template.controlTokens));
  const isSilent = spoken === undefined ? answers.some(isEmpty) : spoken.length < answers.length;
  if (isSilent) add("empty_answer");
  if (said?.some((each) => !endsTurn(each, template.controlTokens)) === true) add("open_answer");
  if (messages.some(({ role }) => role === "developer") && !template.hasDeveloper) add("developer_as_system");
  const kwargs = Object.keys({ ...template.kwargs, ...templateKwargs }).map(jsonKey);
  const unread = kwargs.find((name) => !template.mentions(name));
  if (unread !== undefined) add("ignored_kwarg", JSON.stringify(unread));
  return found;
}

/**
 * Roles whose content templates write unchanged. (Tool results may be written as JSON; the assistant's text is checked
 * separately.)
 */
const readRoles = new Set(["system", "developer", "user"]);

function hasToolCalls({ tool_calls: calls, function_call: call }: ChatMessage): boolean {
  return (Array.isArray(calls) && calls.length > 0) || (typeof call === "object" && call !== null);
}

const withoutToolCalls = (message: ChatMessage): ChatMessage => ({
  ...message,
  tool_calls: null,
  ...(message["function_call"] === undefined ? {} : { function_call: null }),
});

const isEmpty = (message: ChatMessage): boolean => isEmptyAnswer(message.content ?? "") && !hasToolCalls(message);

/** Passed to templates under all three names. */
const reasoning = ["reasoning_content", "thinking", "reasoning"];

const isSomething = (value: unknown): boolean =>
  value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);

/** Checked separately, or not meant for the model. */
const exempt = new Set(["role", "content", "tool_calls", "function_call", "tool_call_id", "id"]);

/** Whether a template reads a key of a message. */
function isRead(key: string, source: string): boolean {
  if (exempt.has(key)) return true;
  const names = reasoning.includes(key) ? reasoning : [key];
  return names.some((name) => source.includes(name));
}

/** Whether a token that may end a turn is the last of a text, but for whitespace. */
function endsTurn(said: string, controlTokens: ReadonlySet<string>): boolean {
  const text = said.trimEnd();
  return [...controlTokens].some((token) => token !== "" && text.endsWith(token.trimEnd()));
}

/** Whether there is more than whitespace and tokens that begin or end a turn. */
function saysSomething(said: string, controlTokens: ReadonlySet<string>): boolean {
  let rest = withoutThought(said).trim();
  for (;;) {
    const token = [...controlTokens].find((each) => each !== "" && (rest.startsWith(each) || rest.endsWith(each)));
    if (token === undefined) return rest !== "";
    rest = (rest.startsWith(token) ? rest.slice(token.length) : rest.slice(0, -token.length)).trim();
  }
}
