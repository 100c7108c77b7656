/**
 * Checks the texts of an example: a lone surrogate cannot be encoded, and U+FFFD is what a broken conversion leaves of a
 * character. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { PyFloat } from "../../jinja/index.js";
import type { Example } from "./example.js";
import { isTableRow } from "./fields.js";

interface Part {
  /** Names the text in errors: "message 2 (assistant)". */
  readonly name: string;
  readonly value: unknown;
}

function partsOf(example: Example): readonly Part[] {
  switch (example.kind) {
    case "tokens":
      return [];
    case "text":
      return [{ name: '"text"', value: example.text }];
    case "completion":
      return [
        { name: '"prompt"', value: example.prompt },
        { name: '"completion"', value: example.completion },
      ];
    case "chat": {
      const messages = example.messages.map((message, index) => ({
        name: `message ${index + 1} (${message.role})`,
        value: message,
      }));
      return example.tools === null ? messages : [...messages, { name: '"tools"', value: example.tools }];
    }
  }
}

/** The first text within a value, keys included, that has a fault. */
function findText(value: unknown, hasFault: (text: string) => boolean): string | undefined {
  if (typeof value === "string") return hasFault(value) ? value : undefined;
  if (typeof value !== "object" || value === null || value instanceof PyFloat) return undefined;
  for (const [key, member] of Object.entries(value)) {
    if (hasFault(key)) return key;
    const found = findText(member, hasFault);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findPart(example: Example, hasFault: (text: string) => boolean): { name: string; text: string } | undefined {
  for (const { name, value } of partsOf(example)) {
    const text = findText(value, hasFault);
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

const loneSurrogate = /\p{Surrogate}/u;

/** @throws CoxswainError "data" for a text that is not well-formed Unicode, naming the message */
export function requireWellFormed(example: Example, where: string): void {
  const found = findPart(example, (text) => !text.isWellFormed());
  if (found === undefined) return;
  const at = found.text.search(loneSurrogate);
  const code = found.text.charCodeAt(at).toString(16);
  const before = found.text.slice(Math.max(0, at - 20), at);
  const place = before === "" ? "at its start" : `after ${JSON.stringify(before)}`;
  throw new CoxswainError("data", `${where}: ${found.name} has the lone surrogate \\u${code} ${place}`, {
    hint:
      "It is half of a character, such as an emoji that was cut in two, and cannot be encoded. Repair or remove it, or " +
      "omit such lines with data.on_bad_example: skip.",
  });
}

/** The part that has U+FFFD, such as "message 2 (assistant)"; undefined if none has. */
export const replacementCharacterIn = (example: Example): string | undefined =>
  findPart(example, (text) => text.includes("\ufffd"))?.name;

/** What pandas and others write for a value that is missing. */
const missingValue = /^(NaN|nan|NULL|null|None|<NA>|#N\/A)$/;

/** The cell of a table that has the name of a missing value as its text, such as "NaN"; undefined if none has. */
export function missingValueIn(example: Example, where: string): string | undefined {
  if (!isTableRow(where)) return undefined;
  for (const { value } of partsOf(example)) {
    const text = typeof value === "string" ? value : (value as { readonly content?: unknown }).content;
    if (typeof text === "string" && missingValue.test(text)) return text;
  }
  return undefined;
}
