/** The common representation of all formats: four ways in which an example becomes tokens and labels. */
import type { dataFormats } from "../../config/index.js";
import type { Conversation } from "../conversation.js";

/** The shape of examples in a data file. */
export type DataFormat = (typeof dataFormats)[number];

export type Example = TokensExample | TextExample | CompletionExample | ChatExample;

/** Token ids that are used unchanged. */
export interface TokensExample {
  readonly kind: "tokens";
  readonly inputIds: Int32Array;
  /** `IGNORE` (-100) if not supervised. */
  readonly labels: Int32Array;
}

/** A text, all of it supervised; it ends with the tokenizer's eos. */
export interface TextExample {
  readonly kind: "text";
  readonly text: string;
}

/** A prompt and its completion, which ends with the tokenizer's eos. */
export interface CompletionExample {
  readonly kind: "completion";
  readonly prompt: string;
  readonly completion: string;
}

/** A conversation, rendered by the chat template. */
export interface ChatExample extends Conversation {
  readonly kind: "chat";
  /** The number of leading messages that form the prompt of a completion; 0 for a plain conversation. */
  readonly promptMessages: number;
  /** Indices of assistant messages that are read, but not supervised: those of `weight: 0`. */
  readonly context: ReadonlySet<number>;
  /** The example's own `chat_template_kwargs`, which go before the run's, key by key; null if it has none. */
  readonly templateKwargs: Readonly<Record<string, unknown>> | null;
}

/** Reads one parsed line of a format. `where` names it in errors. */
export type ExampleReader = (value: Readonly<Record<string, unknown>>, where: string) => Example;
