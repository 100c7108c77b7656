/** Validates an example's fields; errors give the location, the expected and the actual value. */
import { CoxswainError } from "../../errors.js";
import { plainNumber } from "../../jinja/index.js";

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

/** `train.jsonl:7: "prompt" is missing; expected a string.` */
export function unexpected(where: string, what: string, value: unknown, expected: string): CoxswainError {
  return new CoxswainError("data", `${where}: ${what} is ${describe(value)}; expected ${expected}`, {
    hint: "Correct the line, or set data.format if the file has another format.",
  });
}

export function objectOf(value: unknown, where: string, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unexpected(where, what, value, "a JSON object");
  }
  return value as Fields;
}

export function textField(fields: Fields, key: string, where: string): string {
  const value = fields[key];
  if (typeof value !== "string") throw unexpected(where, `"${key}"`, value, "a string");
  return value;
}

/** A string, or "" if the key is missing or null. */
export function optionalTextField(fields: Fields, key: string, where: string): string {
  return fields[key] === undefined || fields[key] === null ? "" : textField(fields, key, where);
}

export function listField(fields: Fields, key: string, where: string, expected: string): readonly unknown[] {
  const value = fields[key];
  if (!Array.isArray(value) || value.length === 0) throw unexpected(where, `"${key}"`, value, expected);
  return value as readonly unknown[];
}
