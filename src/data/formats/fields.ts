/** Validates an example's fields; errors give the location, the expected and the actual value. */
import { CoxswainError } from "../../errors.js";
import { parseJson, plainNumber } from "../../jinja/index.js";
import { isObject } from "../json-object.js";
import { messagesOfColumns } from "./message-shapes.js";

export type Fields = Readonly<Record<string, unknown>>;

/** A value's kind, for errors: "a string", "a list", "missing" … */
export function describe(given: unknown): string {
  const value = plainNumber(given);
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return "a string";
  return typeof value === "number" || typeof value === "boolean" ? `the ${typeof value} ${value}` : typeof value;
}

/** A row of a table has no null: a blank cell of a list is none. */
const tableRow = /\.(csv|tsv)(\.(gz|zst))?:\d+$/i;

/** `train.jsonl:7: "prompt" is missing; expected a string.` */
export function unexpected(
  where: string,
  what: string,
  value: unknown,
  expected: string,
  hint = "Correct the line, or set data.format if the file has another format.",
): CoxswainError {
  const is = value === null && tableRow.test(where) ? "an empty cell" : describe(value);
  return new CoxswainError("data", `${where}: ${what} is ${is}; expected ${expected}`, { hint });
}

/** Whether an example is the row of a CSV or TSV file. */
export const isTableRow = (where: string): boolean => tableRow.test(where);

export function objectOf(given: unknown, where: string, what: string): Fields {
  const value = plainNumber(given);
  if (!isObject(value)) throw unexpected(where, what, value, "a JSON object");
  return value;
}

/** @param what names the object in errors, if it is not the example */
export function textField(fields: Fields, key: string, where: string, what?: string): string {
  const value = fields[key];
  if (typeof value === "string") return value;
  throw unexpected(where, what === undefined ? `"${key}"` : `"${key}" of ${what}`, value, "a string");
}

/** A string, or "" if the key is missing or null. */
export function optionalTextField(fields: Fields, key: string, where: string): string {
  return fields[key] === undefined || fields[key] === null ? "" : textField(fields, key, where);
}

/** A list, or JSON text of a list (in a table, such as CSV, a conversation is a text). */
export function listField(fields: Fields, key: string, where: string, expected: string): readonly unknown[] {
  const given = fields[key];
  const value = typeof given === "string" ? (listText(given) ?? given) : (messagesOfColumns(given) ?? given);
  if (!Array.isArray(value) || value.length === 0) throw unexpected(where, `"${key}"`, value, expected);
  return value as readonly unknown[];
}

function listText(text: string): unknown {
  if (!text.trimStart().startsWith("[")) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
