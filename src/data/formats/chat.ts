/** Makes the `ChatExample` of every format: messages are read one by one, with the indices of those that are context. */
import { CoxswainError } from "../../errors.js";
import type { ChatMessage } from "../conversation.js";
import { contentText } from "./content.js";
import type { ChatExample } from "./example.js";
import type { Fields } from "./fields.js";
import { templateKwargsField } from "./template-kwargs.js";
import { toolsField } from "./tools.js";

/** A message, and whether it may be supervised. */
export interface ReadMessage {
  readonly message: ChatMessage;
  readonly supervised: boolean;
}

export const plainMessage = (message: ChatMessage): ReadMessage => ({ message, supervised: true });

/**
 * @param fields of the example, which may have tools and variables of the template besides
 * @param promptMessages the number of leading messages that form the prompt of a completion
 */
export function chatExample(
  read: readonly ReadMessage[],
  fields: Fields,
  where: string,
  promptMessages = 0,
): ChatExample {
  const isContext = ({ message, supervised }: ReadMessage): boolean => message.role === "assistant" && !supervised;
  return {
    kind: "chat",
    messages: read.map(({ message }) => message),
    tools: toolsField(fields, where),
    promptMessages,
    context: new Set(read.flatMap((each, index) => (isContext(each) ? [index] : []))),
    templateKwargs: templateKwargsField(fields, where),
  };
}

/**
 * A conversation with the system message that the example has in a key of its own, "" if it has none.
 * @throws CoxswainError "data" if the conversation begins with another system message
 */
export function withSystem(system: string, read: readonly ReadMessage[], where: string): readonly ReadMessage[] {
  if (system === "") return read;
  const first = read[0]?.message;
  if (first?.role !== "system") return [plainMessage({ role: "system", content: system }), ...read];
  if (first.content === system) return read;
  throw new CoxswainError("data", `${where}: "system" differs from the system message that the conversation has`, {
    hint: "Keep one of the two.",
  });
}

/** The text of "system": a string, or parts of text; "" if there is none. */
export function systemField(fields: Fields, where: string): string {
  const system = fields["system"];
  return system === undefined || system === null ? "" : contentText(system, where, '"system"');
}
