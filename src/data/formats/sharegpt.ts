/**
 * Format `sharegpt`: `{"conversations": [{"from", "value"}, …], "system"?, "tools"?}`, a conversation. The turns may also
 * be messages (`role`, `content`), or texts of user and assistant by turns.
 */
import { chatExample, systemField, withSystem } from "./chat.js";
import type { ExampleReader } from "./example.js";
import { listField } from "./fields.js";
import { alternating, readMessageList } from "./turns.js";

const isText = (item: unknown): item is string => typeof item === "string";

export const readSharegpt: ExampleReader = (fields, where) => {
  const list = listField(fields, "conversations", where, 'a list of {"from", "value"} objects');
  const turns = list.every(isText) ? alternating(list) : readMessageList(list, where, "conversations", "turn");
  return chatExample(withSystem(systemField(fields, where), turns, where), fields, where);
};
