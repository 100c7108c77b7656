/** Keys of an example that its format does not read: none is dropped without being reported. Pure. */
import { jsonKey } from "../../jinja/index.js";
import type { DataFormat } from "./example.js";
import type { Fields } from "./fields.js";

/** Keys that other training programs use, but that a format here does not read. */
const meaningfulKeys: Readonly<Record<DataFormat, readonly string[]>> = {
  messages: ["function_call", "documents", "images", "videos", "audios"],
  sharegpt: ["documents", "images", "videos", "audios"],
  prompt_completion: [
    "system",
    "tools",
    "functions",
    "chat_template_kwargs",
    "documents",
    "images",
    "videos",
    "audios",
  ],
  alpaca: ["images", "videos", "audios"],
  text: [],
  tokens: ["loss_mask", "completion_mask", "assistant_masks", "position_ids"],
};

/** Keys that belong to any conversation. */
const besideMessages: readonly string[] = ["system", "tools", "functions", "chat_template_kwargs"];

/** Keys that a format reads. */
const readKeys: Readonly<Record<DataFormat, readonly string[]>> = {
  messages: ["messages", ...besideMessages],
  sharegpt: ["conversations", ...besideMessages],
  // A prompt that is a text has no place for those.
  prompt_completion: ["prompt", "completion"],
  alpaca: ["instruction", "input", "output", "history", ...besideMessages],
  text: ["text"],
  tokens: ["input_ids", "labels", "attention_mask"],
};

/** Keys about an example's origin, which are not expected to be learnt. */
const bookkeeping: ReadonlySet<string> = new Set(
  "id _id uuid idx index prompt_id source dataset origin url license metadata".split(" "),
);

export interface UnreadKeys {
  /** Other programs use them in training. */
  readonly meaningful: readonly string[];
  readonly others: readonly string[];
}

/** The non-empty keys of an example that are not read, except bookkeeping keys. */
export function unreadKeys(format: DataFormat, value: unknown): UnreadKeys {
  if (typeof value !== "object" || value === null) return { meaningful: [], others: [] };
  const fields = value as Fields;
  const inMessages = format === "prompt_completion" && Array.isArray(fields["prompt"]);
  const isRead = (key: string): boolean =>
    readKeys[format].includes(key) || (inMessages && besideMessages.includes(key));
  const keys = Object.keys(fields).filter((key) => !isRead(key) && !bookkeeping.has(key) && !isNothing(fields[key]));
  const isMeaningful = (key: string): boolean => meaningfulKeys[format].includes(key);
  return {
    meaningful: keys.filter(isMeaningful),
    others: keys.filter((key) => !isMeaningful(key)).map(jsonKey),
  };
}

const isNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  (typeof value === "object" && Object.keys(value).length === 0);
