/** Estimates how much text an example may become, so that a batch of long conversations fits in memory. Pure. */
import { textsOf } from "./conversation.js";
import type { ChatExample, Example } from "./formats/index.js";

/** Characters: with their tokens, some hundred megabytes. */
export const maxBatchCost = 4_000_000;

/** At most this many characters, roughly: a conversation may be rendered once per assistant turn. */
export function costOf(example: Example): number {
  switch (example.kind) {
    case "tokens":
      return example.inputIds.length;
    case "text":
      return example.text.length;
    case "completion":
      return example.prompt.length + example.completion.length;
    case "chat":
      return textLength(example) * Math.max(1, example.messages.filter(({ role }) => role === "assistant").length);
  }
}

function textLength({ messages, tools }: ChatExample): number {
  const lengths = messages.map((message) =>
    Object.values(message).reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 0), 0),
  );
  const schemas = tools === null ? 0 : textsOf(tools).length;
  return lengths.reduce((sum, length) => sum + length, schemas);
}

/** About how many characters of text a value of JSON has, before it is known what it means. */
export function textSize(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  let size = 0;
  for (const inner of Object.values(value)) size += textSize(inner);
  return size;
}
