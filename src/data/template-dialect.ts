/**
 * Passes messages to a chat template in the form that it reads, where OpenAI's format has more than one:
 *
 * - the role `developer` is passed as `system` to a template that has no such role;
 * - `function_call` and the role `function` (OpenAI's older form) become `tool_calls` and the role `tool`, unless the
 *   template reads the older form;
 * - arguments of calls are objects; those that were JSON text in the data are passed as that text to a template that can
 *   only write a text (such as DeepSeek-V3's), or prints an object as Python does;
 * - a message that only calls has no `content`: it is empty text for a template that cannot do without it (such as
 *   DeepSeek-V3's, which expects null there, and writes the same for both).
 *
 * What a template has is determined by its source, and by what it renders.
 */
import { argumentsText } from "./formats/index.js";
import type { ChatMessage } from "./conversation.js";
import { attempt } from "./attempt.js";
import { isObject } from "./json-object.js";

/** Renders messages; throws what the template raises. */
export type RenderMessages = (messages: readonly ChatMessage[]) => string;

export class TemplateDialect {
  readonly #source: string;
  readonly #render: RenderMessages;
  #developer: boolean | undefined;
  #textArguments: boolean | undefined;
  #contentOfCalls: boolean | undefined;

  /** @param render renders messages as they are given */
  constructor(source: string, render: RenderMessages) {
    this.#source = source;
    this.#render = render;
  }

  /** Whether the template has the role `developer`. */
  get hasDeveloper(): boolean {
    this.#developer ??= this.#source.includes("developer") && this.#writes("developer");
    return this.#developer;
  }

  /** The messages in the form that the template reads. */
  adapted(messages: readonly ChatMessage[]): readonly ChatMessage[] {
    const isOlder = messages.some(({ function_call: call }) => call !== undefined);
    const isNewer = messages.some(({ role, tool_calls: calls }) => role === "developer" || Array.isArray(calls));
    if (!isOlder && !isNewer) return messages;
    const convertsCalls = isOlder && !this.#source.includes("function_call");
    return messages.map((message) => {
      const { role } = message;
      if (role === "developer" && !this.hasDeveloper) return { ...message, role: "system" };
      if (role === "function" && convertsCalls) return { ...message, role: "tool" };
      const current = this.#withContent(convertsCalls ? withToolCalls(message) : message);
      const { tool_calls: calls } = current;
      if (!Array.isArray(calls) || !this.#takesText) return current;
      return { ...current, tool_calls: calls.map(withTextArguments) };
    });
  }

  /** Whether the template can only write arguments as a text, and a call of these messages has them as an object. */
  lacksText(messages: readonly ChatMessage[]): boolean {
    const calls = messages.flatMap(({ tool_calls: each }): readonly unknown[] => (Array.isArray(each) ? each : []));
    return calls.some((call) => isObject(call) && isObject(argumentsOf(call))) && this.#takesText;
  }

  /** With empty text as the content of a message that only calls, if the template cannot do without. */
  #withContent(message: ChatMessage): ChatMessage {
    const isCall = Array.isArray(message["tool_calls"]) && message.content === undefined;
    return isCall && this.#needsContent ? { ...message, content: "" } : message;
  }

  /** Whether a message of this role is in the text. */
  #writes(role: string): boolean {
    const [content, question] = ["What follows is a test.", "Is it?"];
    const messages = [
      { role, content },
      { role: "user", content: question },
    ];
    return attempt(() => this.#render(messages).includes(content)) ?? false;
  }

  /** Whether arguments are written as JSON only if they are text: an object fails, or is written as Python prints it. */
  get #takesText(): boolean {
    this.#textArguments ??= this.#writesText();
    return this.#textArguments;
  }

  #writesText(): boolean {
    const text = '{"city": "Bonn"}';
    if (this.#renderCall(text)?.includes(text) !== true) return false;
    return this.#renderCall({ city: "Bonn" })?.includes("{'city': 'Bonn'}") ?? true;
  }

  /** Whether a call renders beside empty text only. */
  get #needsContent(): boolean {
    const call = this.#takesText ? '{"city": "Bonn"}' : { city: "Bonn" };
    this.#contentOfCalls ??=
      this.#renderCall(call, {}) === null && this.#renderCall(call)?.includes("weather") === true;
    return this.#contentOfCalls;
  }

  /** The text of a conversation with a call; null if the template cannot render it. */
  #renderCall(argument: unknown, said: Pick<ChatMessage, "content"> = { content: "" }): string | null {
    const call = { id: "call00001", type: "function", function: { name: "weather", arguments: argument } };
    const messages = [
      { role: "user", content: "What is it like in Bonn?" },
      { role: "assistant", ...said, tool_calls: [call] },
      { role: "tool", name: "weather", tool_call_id: "call00001", content: "clear" },
    ];
    return attempt(() => this.#render(messages));
  }
}

type Fields = Readonly<Record<string, unknown>>;

function withToolCalls(message: ChatMessage): ChatMessage {
  const { function_call: called, ...rest } = message;
  return isObject(called)
    ? { ...rest, role: rest.role, tool_calls: [{ type: "function", function: called }] }
    : message;
}

function argumentsOf(call: Fields): unknown {
  const { function: called } = call;
  return isObject(called) ? called["arguments"] : call["arguments"];
}

function withTextArguments(call: unknown): unknown {
  if (!isObject(call)) return call;
  const { function: called } = call;
  if (isObject(called)) return { ...call, function: withTextArguments(called) };
  const text = argumentsText(call["arguments"]);
  return text === undefined ? call : { ...call, arguments: text };
}
