/**
 * Calls of tools in a message: OpenAI's `tool_calls` (also without the `function` level), and its older
 * `function_call`. Arguments given as JSON text become an object, which is what most templates write; numbers and the
 * order of keys stay as in the text, which is kept for templates that write a text (`template-dialect.ts`).
 */
import { CoxswainError, messageOf } from "../../errors.js";
import { parseJson } from "../../jinja/index.js";
import { describe, objectOf, unexpected, type Fields } from "./fields.js";
import { unpaddedCalls } from "./padding.js";

/** The text that arguments were parsed from. */
const texts = new WeakMap<object, string>();

/** The JSON text that a call's arguments had in the data, if they were text. */
export const argumentsText = (parsed: unknown): string | undefined =>
  typeof parsed === "object" && parsed !== null ? texts.get(parsed) : undefined;

const argumentsHint = 'Write the arguments as a JSON object, such as {"city": "Bonn"}, or as JSON text of one.';

/** A call with its arguments as an object: of JSON text, or empty for null. */
function withParsedArguments(call: Fields, where: string, what: string): Fields {
  const text = call["arguments"];
  if (text === undefined) return call;
  if (text === null) return { ...call, arguments: {} };
  if (typeof text !== "string") {
    objectOf(text, where, `"arguments" of ${what}`);
    return call;
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${where}: "arguments" of ${what} is text that isn't JSON: ${messageOf(error)}`, {
      hint: argumentsHint,
      cause: error,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CoxswainError("data", `${where}: "arguments" of ${what} is JSON text of ${describe(value)}`, {
      hint: argumentsHint,
    });
  }
  texts.set(value, text);
  return { ...call, arguments: value };
}

function toolCall(value: unknown, where: string, what: string): Fields {
  const call = objectOf(value, where, what);
  const { function: called } = call;
  if (called === undefined) return withParsedArguments(call, where, what);
  return { ...call, function: withParsedArguments(objectOf(called, where, `"function" of ${what}`), where, what) };
}

/**
 * `tool_calls` of a message; undefined if there are none.
 * @param what names the message in errors
 * @param table whether the message is one of a table's (`padding.ts`)
 */
export function toolCalls(value: unknown, where: string, what: string, table: boolean): readonly Fields[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw unexpected(where, `"tool_calls" of ${what}`, value, "a list of calls");
  return unpaddedCalls(value, table).map((call, index) => toolCall(call, where, `call ${index + 1} of ${what}`));
}

/** The older `function_call` of a message; undefined if there is none. */
export function functionCall(value: unknown, where: string, what: string): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  return withParsedArguments(objectOf(value, where, `"function_call" of ${what}`), where, `"function_call" of ${what}`);
}
