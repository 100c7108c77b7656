/** Conversations as transformers' chat templates see them. */

/** One message. Other keys (`tool_calls`, `name`, `reasoning_content` …) are passed to the template unchanged. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: string;
  readonly [key: string]: unknown;
}

export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** JSON schemas of the tools that the assistant may call; null if there are none. */
  readonly tools: readonly unknown[] | null;
  /** Further variables of the chat template (`enable_thinking` …), which go before the run's. Default: none. */
  readonly templateKwargs?: Readonly<Record<string, unknown>> | null;
}

const reasoningFields = ["reasoning_content", "thinking", "reasoning"] as const;

/**
 * Normalises a message as transformers does before it is passed to a template: removes keys whose value is null, and
 * provides reasoning under the names that templates read (`reasoning_content`, `thinking`).
 */
export function normalizeMessage(message: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
  const reasoning = reasoningFields.map((field) => kept[field]).find((value) => value !== undefined);
  return reasoning === undefined ? kept : { thinking: reasoning, ...kept, reasoning_content: reasoning };
}

/**
 * How messages to users call a message: "message 2", and beside a prompt: `message 1 of "completion"`.
 * @param prompt the number of leading messages that are a prompt; 0: all are in one list
 */
export function messageName(index: number, prompt: number): string {
  if (prompt === 0) return `message ${index + 1}`;
  return index < prompt ? `message ${index + 1} of "prompt"` : `message ${index - prompt + 1} of "completion"`;
}

/** All texts within a value, concatenated: to search or to measure. */
export const textsOf = (value: object): string =>
  JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? null : member));
