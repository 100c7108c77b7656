/** The data formats: detects a file's format, and reads each into an `Example`. */
import { CoxswainError } from "../../errors.js";
import { convertedName } from "../converted-name.js";
import { wrapped, wrappingKey } from "../wrapped-examples.js";
import { readAlpaca } from "./alpaca.js";
import type { DataFormat, Example, ExampleReader } from "./example.js";
import { describe, objectOf, type Fields } from "./fields.js";
import { readMessages } from "./messages.js";
import { fileOf, loneMessage, notAnObject, respelt, wholeTable } from "./odd-shapes.js";
import { preferenceData, refuseOtherShape, refuseUndesirable, unknownShape } from "./other-shapes.js";
import { readPromptCompletion } from "./prompt-completion.js";
import { readSharegpt } from "./sharegpt.js";
import { requireWellFormed } from "./text-check.js";
import { readText } from "./text.js";
import { readTokens } from "./tokens.js";

export { argumentsText } from "./calls.js";
export { missingValueIn, replacementCharacterIn } from "./text-check.js";
export { unreadKeys, type UnreadKeys } from "./columns.js";
export type { ChatExample, CompletionExample, DataFormat, Example, TextExample, TokensExample } from "./example.js";

/** The keys that identify a format, tried in this order. */
const keysOf: readonly (readonly [DataFormat, readonly string[]])[] = [
  ["tokens", ["input_ids"]],
  ["messages", ["messages"]],
  ["sharegpt", ["conversations"]],
  ["prompt_completion", ["prompt", "completion"]],
  ["alpaca", ["instruction", "output"]],
  ["text", ["text"]],
];

const formatList = keysOf.map(([format, keys]) => `${format} (${keys.join(", ")})`).join("; ");

/**
 * The format whose keys the example has.
 * @throws CoxswainError "data" if no format matches
 */
export function detectFormat(value: unknown, where: string): DataFormat {
  const other = notAnObject(value, where);
  if (other !== undefined) throw other;
  const fields = objectOf(value, where, "the example");
  const format = keysOf.find(([, keys]) => keys.every((key) => key in fields))?.[0];
  const wrapping = format === undefined || format === "sharegpt" ? wrappingKey(fields) : undefined;
  if (wrapping !== undefined) throw wrappedAt(where, wrapping);
  const holdsLists = format === "tokens" || format === "messages" || format === "sharegpt";
  const table = holdsLists ? undefined : wholeTable(fields, where);
  if (table !== undefined) throw table;
  const lone = format === undefined ? loneMessage(fields, where) : undefined;
  if (lone !== undefined) throw lone;
  if (format === undefined || format === "text") refuseOtherShape(fields, where);
  if (format === undefined) {
    const spelt = keysOf.map(([, keys]) => respelt(fields, keys)).find((columns) => columns !== undefined);
    throw unknownShape(fields, where, formatList, spelt);
  }
  // The turns of preference data end before the answers; messages usually contain the chosen one.
  const preference = format === "sharegpt" ? preferenceData(fields, where) : undefined;
  if (preference !== undefined) throw preference;
  return format;
}

/** @param where "train.json:1", or "train.json: item 1" */
function wrappedAt(where: string, key: string): CoxswainError {
  const file = fileOf(where);
  return wrapped(file, where, key, convertedName(file));
}

export interface FormatOptions {
  /** Whether there is a chat template. */
  readonly chat: boolean;
  /** The model's vocabulary size. */
  readonly vocabSize: number;
}

function readerOf(format: DataFormat, { chat, vocabSize }: FormatOptions): ExampleReader {
  switch (format) {
    case "messages":
      return readMessages;
    case "prompt_completion":
      return readPromptCompletion;
    case "text":
      return readText;
    case "tokens":
      return readTokens(vocabSize);
    case "alpaca":
      return readAlpaca(chat);
    case "sharegpt":
      return readSharegpt;
  }
}

/** A reader of a format's examples, with an error for lines of another structure. */
export function exampleReader(format: DataFormat, options: FormatOptions): (value: unknown, where: string) => Example {
  const read = readerOf(format, options);
  const keys = keysOf.find(([name]) => name === format)?.[1] ?? [];
  return (value, where) => {
    const fields: Fields = objectOf(value, where, "the example");
    const missing = keys.find((key) => !(key in fields));
    if (missing === undefined) {
      if (format !== "text" && format !== "tokens") refuseUndesirable(fields, where);
      const example = read(fields, where);
      requireWellFormed(example, where);
      return example;
    }
    const found = Object.keys(fields).join(", ") || "none";
    throw new CoxswainError("data", `${where}: "${missing}" is ${describe(undefined)}; found keys: ${found}`, {
      hint: `Format ${format} needs ${keys.join(" and ")} on every line. Correct the line, or set data.format.`,
    });
  };
}
