/** What a message says: a string, or parts of text that are joined. Parts of another kind are refused by name. */
import { CoxswainError } from "../../errors.js";
import { describe, objectOf, unexpected } from "./fields.js";

function textOf(part: unknown, where: string, what: string): string {
  const { type, text } = objectOf(part, where, `a part of ${what}`);
  // Amazon Bedrock's parts have no type.
  const isText = type === "text" || type === undefined || type === null;
  if (isText && typeof text === "string") return text;
  const kind = isText
    ? `a part whose "text" is ${describe(text)}`
    : `a part of type ${typeof type === "string" ? JSON.stringify(type) : describe(type)}`;
  throw new CoxswainError("data", `${where}: ${what} has ${kind}`, {
    hint: 'Only text is supported: {"type": "text", "text": "..."}. Remove the other parts, or omit the line.',
  });
}

/** @param what names the content in errors */
export function contentText(value: unknown, where: string, what: string): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) throw unexpected(where, what, value, "a string");
  return value.map((part) => textOf(part, where, what)).join("");
}
