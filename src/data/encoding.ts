/** What goes into an encoder, and what comes out of it. */
import type { ChatTemplates } from "./model-templates.js";
import type { Example } from "./formats/index.js";
import type { Ignored } from "./ignored.js";
import type { TextTokenizer } from "./tokenizer.js";

export interface LabelledTokens {
  /** [tokens] */
  readonly ids: Int32Array;
  /** `IGNORE` if not supervised; not shifted, [tokens]. */
  readonly labels: Int32Array;
  /** The message, if it is one of several that a conversation is trained on apart: "message 2". */
  readonly part?: string;
}

/** An example to encode, and how errors name it. */
export interface Located<E extends Example> {
  readonly example: E;
  readonly where: string;
}
export type LocatedExample = Located<Example>;

export interface EncoderOptions {
  readonly tokenizer: TextTokenizer;
  /** For conversations without and with tools; null if the model has none. */
  readonly templates: ChatTemplates | null;
  readonly assistantOnlyLoss: boolean;
  readonly completionOnlyLoss: boolean;
  /** Which assistant turns are supervised. */
  readonly turns: "all" | "last";
  /** Called for each example whose prompt ends inside a token of the whole text. */
  readonly onSplitBoundary?: (where: string) => void;
  /** Called for each conversation with a generation prompt whose last space is joined with the answer. */
  readonly onSplitPrompt?: (where: string) => void;
  /** Called for each conversation with an answer whose start is joined with the end of the prompt, which is no space. */
  readonly onJoinedStart?: (where: string) => void;
  /** Called for each example of which the chat template omits something. */
  readonly onIgnored?: (ignored: Ignored, where: string) => void;
  /** Called for each text that gets no eos, since the tokenizer has none. */
  readonly onMissingEos?: (where: string) => void;
  /** Called for each conversation with a turn that does not begin with its generation prompt. */
  readonly onOtherPrompt?: (where: string) => void;
  /** Called with the error of a conversation that can't be rendered, which then becomes nothing. Default: it is thrown. */
  readonly onBadExample?: (where: string, error: unknown) => void;
}

/**
 * Turns examples into tokens; created once per data set. Each example becomes one list of tokens; a conversation several,
 * if the chat template rewrites earlier turns, or ends its prompts inside a token.
 */
export type Encoder = (examples: readonly LocatedExample[]) => Promise<(readonly LabelledTokens[])[]>;
