/**
 * One message of a conversation, in either of the two usual forms: `{"role", "content"}` (OpenAI's and transformers'), or
 * ShareGPT's `{"from", "value"}`.
 */
import { CoxswainError, messageOf } from "../../errors.js";
import { parseJson, plainNumber } from "../../jinja/index.js";
import { isObject } from "../json-object.js";
import { nearestRole } from "../roles.js";
import { functionCall, toolCalls } from "./calls.js";
import { plainMessage, type ReadMessage } from "./chat.js";
import { contentText } from "./content.js";
import { objectOf, textField, unexpected, type Fields } from "./fields.js";
import { acceptedMessages, messagesOfSpeakers } from "./message-shapes.js";
import { isTable } from "./padding.js";
import { isSupervised, supervisionKeys } from "./weight.js";

/** ShareGPT's names, with the role that chat templates know. */
const senders: ReadonlyMap<string, string> = new Map([
  ["system", "system"],
  ["human", "user"],
  ["user", "user"],
  ["gpt", "assistant"],
  ["chatgpt", "assistant"],
  ["bing", "assistant"],
  ["bard", "assistant"],
  ["model", "assistant"],
  ["assistant", "assistant"],
  ["function_call", "assistant"],
  ["tool", "tool"],
  ["function", "tool"],
  ["observation", "tool"],
]);

/** Keys by which a turn may name who says it: `{"human": "…", "gpt": "…"}`. A call or a tool's answer needs more. */
const speakers: ReadonlyMap<string, string> = new Map(
  [...senders].filter(([, role]) => role !== "tool").filter(([name]) => name !== "function_call"),
);

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** The other keys of a message, which its template may read: in the file's order, without nulls. */
function otherKeys(fields: Fields, read: readonly string[]): readonly (readonly [string, unknown])[] {
  const isRead = (key: string): boolean => read.includes(key) || supervisionKeys.includes(key);
  return Object.entries(fields).filter(([key, value]) => isPresent(value) && !isRead(key));
}

/** A message with `role` and `content`. */
function messageOfRole(fields: Fields, where: string, what: string, table: boolean): ReadMessage {
  const { role, content } = fields;
  if (typeof role !== "string" || role === "")
    throw unexpected(where, `"role" of ${what}`, role, "a name", `Write messages as ${acceptedMessages}.`);
  const calls = toolCalls(fields["tool_calls"], where, what, table);
  const called = functionCall(fields["function_call"], where, what);
  const replaced: Readonly<Record<string, unknown>> = { tool_calls: calls, function_call: called };
  const others = otherKeys(fields, ["role", "content"]).map(([key, value]) => [key, replaced[key] ?? value] as const);
  const isCall = (calls !== undefined && calls.length > 0) || called !== undefined;
  if (!isCall && content === null) throw nullContent(role, where, what);
  const said = isCall && !isPresent(content) ? {} : { content: contentText(content, where, `"content" of ${what}`) };
  return {
    message: { role, ...said, ...Object.fromEntries(others) },
    supervised: isSupervised(fields, where, what),
  };
}

/** Only a message with calls may have no text: anything else would be rendered as "None". */
const nullContent = (role: string, where: string, what: string): CoxswainError =>
  new CoxswainError("data", `${where}: "content" of ${what} (${role}) is null, and it has no tool_calls`, {
    hint:
      'Give the text, "" for a message without one, or the "tool_calls" that an assistant makes instead. ' +
      "data.on_bad_example: skip omits such lines.",
  });

/** A turn with `from` and `value`. */
function messageOfSender(fields: Fields, where: string, what: string): ReadMessage {
  const from = textField(fields, "from", where, what);
  const role = senders.get(from);
  if (role === undefined) throw unknownSender(from, where, what);
  const content = textField(fields, "value", where, what);
  const said = from === "function_call" ? { tool_calls: calledBy(content, where, what) } : { content };
  const others = Object.fromEntries(otherKeys(fields, ["from", "value"]));
  return { message: { role, ...others, ...said }, supervised: isSupervised(fields, where, what) };
}

/** LLaMA-Factory's turn of `function_call`: JSON text of one call or several, each a name and its arguments. */
function calledBy(text: string, where: string, what: string): readonly Fields[] {
  const hint = 'A turn of "function_call" is JSON text such as {"name": "weather", "arguments": {"city": "Bonn"}}.';
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${where}: "value" of ${what} isn't JSON: ${messageOf(error)}`, { hint });
  }
  const calls: readonly unknown[] = Array.isArray(value) ? value : [value];
  const wrapped = calls.map((call, index) => {
    const named = objectOf(call, where, `call ${index + 1} of ${what}`);
    if (typeof named["name"] === "string") return { type: "function", function: named };
    throw new CoxswainError("data", `${where}: call ${index + 1} of ${what} has no name`, { hint });
  });
  return toolCalls(wrapped, where, what, false) ?? [];
}

function unknownSender(from: string, where: string, what: string): CoxswainError {
  const known = [...senders.keys()].join(", ");
  const meant = nearestRole(from, senders.keys());
  const question = meant === undefined ? "" : ` (did you mean ${JSON.stringify(meant)}?)`;
  return new CoxswainError("data", `${where}: ${what} is from ${JSON.stringify(from)}${question}`, {
    hint: `"from" must be one of ${known}.`,
  });
}

/**
 * A list of messages.
 * @param key of the list in the example, for errors
 * @param noun what an element is called: "message" or "turn"
 */
export function readMessageList(
  list: readonly unknown[],
  where: string,
  key: string,
  noun: "message" | "turn",
): readonly ReadMessage[] {
  const table = isTable(list);
  return list.flatMap((value, index) => {
    const what = `${noun} ${index + 1} of "${key}"`;
    if (!isObject(plainNumber(value)))
      throw unexpected(where, what, value, "a JSON object", `Write messages as ${acceptedMessages}.`);
    const fields = objectOf(value, where, what);
    const spoken = messagesOfSpeakers(fields, speakers, where, what);
    if (spoken !== undefined) return spoken.map((message) => messageOfRole(message, where, what, false));
    const isTurn = isPresent(fields["from"]) && !isPresent(fields["role"]);
    return [isTurn ? messageOfSender(fields, where, what) : messageOfRole(fields, where, what, table)];
  });
}

/** Texts of user and assistant by turns, as LIMA and UltraChat have them. */
export const alternating = (texts: readonly string[]): readonly ReadMessage[] =>
  texts.map((content, index) => plainMessage({ role: index % 2 === 0 ? "user" : "assistant", content }));
