/** Format `messages`: `{"messages": [{"role", "content", …}, …], "tools": […]?}`, a conversation. */
import { CoxswainError, messageOf } from "../../errors.js";
import { parseJson } from "../../jinja/index.js";
import type { ChatMessage } from "../conversation.js";
import type { ExampleReader } from "./example.js";
import { listField, objectOf, unexpected, type Fields } from "./fields.js";
import { templateKwargsField } from "./template-kwargs.js";

const expectedList = 'a list of {"role", "content"} objects';

/** Joins OpenAI's content parts, which must all be text, to one text. */
function contentText(value: unknown, where: string, what: string): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) throw unexpected(where, what, value, "a string");
  return value
    .map((part: unknown) => {
      const { type, text } = objectOf(part, where, `a part of ${what}`);
      if (type !== "text" || typeof text !== "string") {
        throw new CoxswainError("data", `${where}: ${what} has a part of type ${JSON.stringify(type)}`, {
          hint: 'Only text is supported: {"type": "text", "text": "..."}.',
        });
      }
      return text;
    })
    .join("");
}

function message(value: unknown, where: string, what: string): ChatMessage {
  const fields = objectOf(value, where, what);
  const { role, content, ...rest } = fields;
  if (typeof role !== "string" || role === "") throw unexpected(where, `"role" of ${what}`, role, "a name");
  const calls = fields["tool_calls"];
  const mayBeEmpty = Array.isArray(calls) && calls.length > 0;
  if (mayBeEmpty && (content === undefined || content === null)) return { role, ...rest };
  return { role, content: contentText(content, where, `"content" of ${what}`), ...rest };
}

/** The validated list of messages under `key`. */
export function messagesField(fields: Fields, key: string, where: string): readonly ChatMessage[] {
  const list = listField(fields, key, where, expectedList);
  return list.map((value, index) => message(value, where, `message ${index + 1} of "${key}"`));
}

/** Tools as a list, or as JSON text of a list (columns of a dataset can't hold mixed objects). */
export function toolsField(fields: Fields, where: string): readonly unknown[] | null {
  let tools = fields["tools"];
  if (tools === undefined || tools === null) return null;
  if (typeof tools === "string") {
    try {
      tools = parseJson(tools);
    } catch (error) {
      throw new CoxswainError("data", `${where}: "tools" is a string that isn't JSON: ${messageOf(error)}`, {
        hint: '"tools" must be a list of JSON schemas, or such a list as JSON text.',
      });
    }
  }
  if (tools === null) return null;
  if (!Array.isArray(tools)) throw unexpected(where, '"tools"', tools, "a list of JSON schemas");
  return tools.length === 0 ? null : (tools as readonly unknown[]);
}

export const readMessages: ExampleReader = (fields, where) => ({
  kind: "chat",
  messages: messagesField(fields, "messages", where),
  tools: toolsField(fields, where),
  promptMessages: 0,
  context: new Set(),
  templateKwargs: templateKwargsField(fields, where),
});
