/** Warnings about data, counted by kind and told once each with the first place: not one a line. */

const kinds = [
  "ignored_tools",
  "ignored_tool_calls",
  "ignored_message",
  "ignored_message_key",
  "ignored_example_key",
  "empty_answer",
  "truncated",
  "dropped",
  "split_boundary",
  "missing_eos",
  "dated",
] as const;
export type WarningKind = (typeof kinds)[number];

interface Tally {
  count: number;
  readonly first: string;
}

export class WarningTally {
  readonly #tallies = new Map<WarningKind, Tally>();
  /** Examples by key. */
  readonly #unread = new Map<string, number>();

  count(kind: WarningKind, where: string): void {
    const tally = this.#tallies.get(kind);
    if (tally === undefined) this.#tallies.set(kind, { count: 1, first: where });
    else tally.count++;
  }

  /** An example has a key that the format does not read. */
  countUnread(key: string): void {
    this.#unread.set(key, (this.#unread.get(key) ?? 0) + 1);
  }

  /** Tells each kind that happened, in a fixed order. */
  report(examples: number, maxLength: number, tell: (message: string) => void): void {
    for (const kind of kinds) {
      const tally = this.#tallies.get(kind);
      if (tally !== undefined) tell(sentence(kind, tally, examples, maxLength));
    }
    if (this.#unread.size > 0) tell(unreadSentence(this.#unread, examples));
  }
}

const shownKeys = 8;

function unreadSentence(unread: ReadonlyMap<string, number>, examples: number): string {
  const keys = [...unread].map(([key, count]) => `${JSON.stringify(key)} (${count} of ${examples} examples)`);
  const more = keys.length > shownKeys ? ` and ${keys.length - shownKeys} others` : "";
  return `Keys that are not read in this format, and change nothing: ${keys.slice(0, shownKeys).join(", ")}${more}.`;
}

function sentence(kind: WarningKind, { count, first }: Tally, examples: number, maxLength: number): string {
  const which = `${count} of ${examples} examples (first: ${first})`;
  switch (kind) {
    case "ignored_tools":
      return (
        `${which} have tools that the chat template leaves out: the model never sees them. ` +
        "Give a template that writes tools (data.chat_template), or remove them."
      );
    case "ignored_tool_calls":
      return (
        `${which} have tool_calls that the chat template leaves out: they are not learnt. ` +
        "Give a template that writes tool_calls (data.chat_template), or write the calls as content."
      );
    case "ignored_message":
      return `${which} have a message that the chat template leaves out: the model never sees it.`;
    case "ignored_message_key":
      return `${which} have a key in a message that neither the chat template nor coxswain reads: it changes nothing.`;
    case "ignored_example_key":
      return `${which} have a key that is not read in this format, although other programs train by it.`;
    case "empty_answer":
      return (
        `${which} have an answer of which nothing is rendered but its end: the model learns to say nothing there. ` +
        "Remove them, or look at them with coxswain preview."
      );
    case "truncated":
      return `${which} are longer than data.max_length (${maxLength}) and were cut at the end.`;
    case "dropped":
      return `${which} have nothing supervised before data.max_length (${maxLength}) and were left out.`;
    case "split_boundary":
      return (
        `${which} have a prompt that ends inside a token of the whole text; prompt and completion were tokenised ` +
        "apart. End the prompt at a word's end, or start the completion with the space."
      );
    case "missing_eos":
      return `${which} end without an end-of-text token: the tokenizer has none, so the model won't learn to stop.`;
    case "dated":
      return (
        "The chat template writes today's date: a run that is started on another day sees other tokens. " +
        "Give a template without strftime_now (data.chat_template)."
      );
  }
}
