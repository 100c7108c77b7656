/** Counts warnings about data by kind, and reports each kind once, with its first location. */
import { listed } from "../listed.js";
import type { Findings, WarningKind } from "./tokenise/index.js";

/** In the order in which they are reported. */
const kinds: readonly WarningKind[] = [
  "repeated_key",
  "replacement_character",
  "missing_value",
  "ignored_tools",
  "ignored_tool_calls",
  "ignored_message",
  "ignored_message_key",
  "ignored_kwarg",
  "empty_answer",
  "open_answer",
  "developer_as_system",
  "truncated",
  "dropped",
  "control_token",
  "split_boundary",
  "split_prompt",
  "joined_start",
  "other_prompt",
  "missing_eos",
  "dated",
];

interface Tally {
  count: number;
  readonly first: string;
}

/** What warnings are counted of. */
export interface Totals {
  /** Lines of the data. */
  readonly records: number;
  /** What they became: a conversation may become several examples. */
  readonly examples: number;
}

export class WarningTally {
  readonly #tallies = new Map<WarningKind, Tally>();
  /** Keys that the format does not read. */
  readonly #meaningful = new Map<string, Tally>();
  readonly #unread = new Map<string, Tally>();

  count(kind: WarningKind, where: string): void {
    add(this.#tallies, kind, where);
  }

  /** Counts what was found in some lines. */
  add({ warnings, unread }: Findings): void {
    for (const [kind, where] of warnings) this.count(kind, where);
    for (const { meaningful, others, where } of unread) {
      for (const key of meaningful) add(this.#meaningful, key, where);
      for (const key of others) add(this.#unread, key, where);
    }
  }

  /** Reports each kind that occurred, in a fixed order. */
  report({ records, examples }: Totals, maxLength: number, tell: (message: string) => void): void {
    for (const kind of kinds) {
      const tally = this.#tallies.get(kind);
      const total = kind === "truncated" || kind === "dropped" ? examples : records;
      if (tally !== undefined) tell(sentence(kind, tally, total, maxLength));
    }
    if (this.#meaningful.size > 0) {
      const keys = keysOf(this.#meaningful, (tally) => `${tally.count} of ${records} examples, first: ${tally.first}`);
      tell(`Keys that this format ignores, although other programs use them in training: ${keys}.`);
    }
    if (this.#unread.size > 0) {
      tell(`Keys that this format ignores: ${keysOf(this.#unread, ({ count }) => `${count} of ${records} examples`)}.`);
    }
  }
}

function add<Key>(tallies: Map<Key, Tally>, key: Key, where: string): void {
  const tally = tallies.get(key);
  if (tally === undefined) tallies.set(key, { count: 1, first: where });
  else tally.count++;
}

const shownKeys = 8;

function keysOf(unread: ReadonlyMap<string, Tally>, detail: (tally: Tally) => string): string {
  const keys = [...unread].map(([key, tally]) => `${JSON.stringify(key)} (${detail(tally)})`);
  return listed(keys, shownKeys, "others");
}

function sentence(kind: WarningKind, { count, first }: Tally, examples: number, maxLength: number): string {
  const which = `${count} of ${examples} examples (first: ${first})`;
  switch (kind) {
    case "repeated_key":
      return `${which} have a key twice in one JSON object: its last value is used, the other is lost.`;
    case "replacement_character":
      return (
        `${which} have the replacement character U+FFFD, which a faulty conversion leaves in place of others. ` +
        "Create the data again from its source, or remove it."
      );
    case "missing_value":
      return (
        `${which} have a cell that other programs read as a missing value: here it is text, and learnt as such. ` +
        "Remove these rows, or write the cells as they are meant."
      );
    case "ignored_tools":
      return (
        `${which} have tools that the chat template omits: the model never sees them. ` +
        "Use a template that writes tools (data.chat_template), or remove them."
      );
    case "ignored_tool_calls":
      return (
        `${which} have tool_calls that the chat template omits: they are not learnt. ` +
        "Use a template that writes tool_calls (data.chat_template), or write the calls as content."
      );
    case "ignored_message":
      return `${which} have a message that the chat template omits: the model never sees it.`;
    case "ignored_message_key":
      return `${which} have a key in a message that neither the chat template nor coxswain reads: it has no effect.`;
    case "ignored_kwarg":
      return `${which} have a variable in chat_template_kwargs that the chat template does not read: it has no effect.`;
    case "empty_answer":
      return (
        `${which} have an answer that renders to nothing but its end token, or a thought without an answer: the model learns to answer ` +
        "nothing. " +
        "Remove them, or inspect them with coxswain preview."
      );
    case "open_answer":
      return (
        `${which} have an answer after which the chat template writes no special token: the model won't learn to stop. ` +
        "Use a template that writes the tokenizer's end token after an answer (data.chat_template)."
      );
    case "developer_as_system":
      return `${which} have messages of the role developer, which the chat template lacks: they are passed as system.`;
    case "truncated":
      return `${which} are longer than data.max_length (${maxLength}) and were truncated.`;
    case "dropped":
      return `${which} have no supervised token within data.max_length (${maxLength}) and were dropped.`;
    case "split_boundary":
      return (
        `${which} have a prompt that ends inside a token of the whole text; prompt and completion were tokenised ` +
        "separately. End the prompt at the end of a word, or start the completion with the space."
      );
    case "control_token":
      return (
        `${which} have a special token in a message's text: it is tokenised as that token, as in transformers, so ` +
        "that the text can end its turn or begin another one. Remove it from the text, or change its spelling."
      );
    case "split_prompt":
      return (
        `${which} have a generation prompt that ends inside a token of the whole text, since it ends with a space: ` +
        "prompt and answer were tokenised separately, as when a model is asked. Let the chat template end the prompt " +
        "before the space, and write the space before the assistant's text."
      );
    case "joined_start":
      return (
        `${which} have an answer whose first characters the tokenizer joins with the end of the generation prompt, such ` +
        "as white space after a line break: the joined token is learnt, as in transformers, but a model that is asked " +
        "begins after the prompt. Remove the white space at the start of the answers."
      );
    case "other_prompt":
      return (
        `${which} have a turn that does not begin as the chat template's generation prompt ends (such as "<think>"): ` +
        "it is supervised from the first token that differs, but a model is given the whole prompt. " +
        "A variable of the template may make them agree (data.chat_template_kwargs, such as enable_thinking)."
      );
    case "missing_eos":
      return `${which} end without an end-of-text token: the tokenizer has none, so the model won't learn to stop.`;
    case "dated":
      return (
        "The chat template writes today's date: a run that starts on another day sees different tokens. " +
        "Use a template without strftime_now (data.chat_template)."
      );
  }
}
