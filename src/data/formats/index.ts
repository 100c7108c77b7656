/** The data formats: detects a file's format, and reads each into an `Example`. */
import type { dataFormats } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { jsonKey } from "../../jinja/index.js";
import { readAlpaca } from "./alpaca.js";
import type { Example, ExampleReader } from "./example.js";
import { describe, objectOf, type Fields } from "./fields.js";
import { readMessages } from "./messages.js";
import { readPromptCompletion } from "./prompt-completion.js";
import { readSharegpt } from "./sharegpt.js";
import { readText } from "./text.js";
import { readTokens } from "./tokens.js";

export type { ChatExample, CompletionExample, Example, TextExample, TokensExample } from "./example.js";

/** The shape of examples in a data file. */
export type DataFormat = (typeof dataFormats)[number];

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
  const fields = objectOf(value, where, "the example");
  const found = keysOf.find(([, keys]) => keys.every((key) => key in fields));
  if (found !== undefined) return found[0];
  const keys = Object.keys(fields).join(", ") || "none";
  throw new CoxswainError("data", `${where}: no known format has these keys: ${keys}`, {
    hint: `Formats and their keys: ${formatList}.`,
  });
}

/** Keys that other training programs use, but that a format here does not read. */
const meaningfulKeys: Readonly<Record<DataFormat, readonly string[]>> = {
  messages: ["functions", "function_call", "system", "documents", "images", "videos", "audios"],
  sharegpt: ["functions", "documents", "images", "videos", "audios"],
  prompt_completion: ["system", "documents", "images", "videos", "audios"],
  alpaca: ["system", "history", "images", "videos", "audios"],
  text: [],
  tokens: ["loss_mask", "completion_mask", "assistant_masks", "position_ids"],
};

/** Keys that a format reads. */
const readKeys: Readonly<Record<DataFormat, readonly string[]>> = {
  messages: ["messages", "tools", "chat_template_kwargs"],
  sharegpt: ["conversations", "system", "tools", "chat_template_kwargs"],
  prompt_completion: ["prompt", "completion", "tools", "chat_template_kwargs"],
  alpaca: ["instruction", "input", "output", "chat_template_kwargs"],
  text: ["text"],
  tokens: ["input_ids", "labels", "attention_mask"],
};

/** Keys about an example's origin, which are not expected to be learnt. */
const bookkeeping: ReadonlySet<string> = new Set(
  "id _id uuid idx index prompt_id source dataset origin url license metadata".split(" "),
);

/** A non-empty key of an example that other programs use and that is not read. */
export function unreadKey(format: DataFormat, value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Fields;
  return meaningfulKeys[format].find((key) => Object.hasOwn(fields, key) && !isNothing(fields[key]));
}

/** All other non-empty keys of an example that are not read, except bookkeeping keys. */
export function otherUnreadKeys(format: DataFormat, value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const isTold = (key: string): boolean =>
    readKeys[format].includes(key) || meaningfulKeys[format].includes(key) || bookkeeping.has(key);
  return Object.entries(value).flatMap(([key, given]) => (isTold(key) || isNothing(given) ? [] : [jsonKey(key)]));
}

const isNothing = (value: unknown): boolean =>
  value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);

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
    if (missing === undefined) return read(fields, where);
    const found = Object.keys(fields).join(", ") || "none";
    throw new CoxswainError("data", `${where}: "${missing}" is ${describe(undefined)}; found keys: ${found}`, {
      hint: `Format ${format} needs ${keys.join(" and ")} on every line. Correct the line, or set data.format.`,
    });
  };
}
