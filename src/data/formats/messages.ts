/** Format `messages`: `{"messages": [{"role", "content", …}, …], "tools": […]?, "system"?}`, a conversation. */
import { chatExample, systemField, withSystem, type ReadMessage } from "./chat.js";
import type { ExampleReader } from "./example.js";
import { listField, type Fields } from "./fields.js";
import { readMessageList } from "./turns.js";

/** The validated list of messages under `key`. */
export function messagesField(fields: Fields, key: string, where: string): readonly ReadMessage[] {
  const list = listField(fields, key, where, 'a list of {"role", "content"} objects');
  return readMessageList(list, where, key, "message");
}

export const readMessages: ExampleReader = (fields, where) => {
  const messages = withSystem(systemField(fields, where), messagesField(fields, "messages", where), where);
  return chatExample(messages, fields, where);
};
