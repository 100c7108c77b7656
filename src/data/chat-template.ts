/**
 * A chat template: a conversation in, the text that the model reads out, as transformers' `apply_chat_template` renders
 * it, and which of that text the assistant said. Knows nothing of tokens.
 */
import { CoxswainError, messageOf } from "../errors.js";
import { normalizeMessage, type Conversation } from "./conversation.js";
import { chooseMarkers, extractSpans } from "./generation-tags.js";
import type { MarkedText, Markers, TextSpan } from "./generation-tags.js";
import { compileJinja, type JinjaTemplate } from "./jinja.js";
import type { SpecialTokens } from "./tokenizer-files.js";

export interface ChatTemplateOptions {
  /** Given to the template as variables (`bos_token` …). */
  readonly specialTokens: SpecialTokens;
  /** Texts of the tokens that may end a turn: whitespace that a template writes after one is nobody's. */
  readonly controlTokens: ReadonlySet<string>;
  /** Names the template in errors: "data.chat_template", or the folder it came with. */
  readonly origin: string;
  /** The clock of `strftime_now`. Default: the system's. */
  readonly now?: () => Date;
}

export interface RenderOptions {
  /** End with the header of an assistant turn, for generation. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** Names the conversation in errors, such as "train.jsonl:7". */
  readonly where?: string;
}

export interface AssistantTextOptions {
  /** Number of the first message whose text counts; those before it are context. Default 0. */
  readonly from?: number;
  readonly where?: string;
}

interface PrefixRequest {
  readonly conversation: Conversation;
  readonly whole: string;
  readonly count: number;
  readonly addGenerationPrompt: boolean;
  /** What it means if the prefix isn't one. */
  readonly reason: string;
  readonly where: string | undefined;
}

const templateHint = "Check the conversation against the template, or give another one with data.chat_template.";
const inexactHint =
  "Give a template that marks the assistant's text with {% generation %} (data.chat_template), or train on the whole " +
  "conversation with data.assistant_only_loss: false.";

export class ChatTemplate {
  /** Jinja text. */
  readonly source: string;
  readonly #template: JinjaTemplate;
  readonly #options: ChatTemplateOptions;

  /**
   * @param source Jinja text
   * @throws CoxswainError "data" where it is not a template
   */
  constructor(source: string, options: ChatTemplateOptions) {
    try {
      this.#template = compileJinja(source);
    } catch (error) {
      throw new CoxswainError("data", `the chat template of ${options.origin} is not valid: ${messageOf(error)}`, {
        hint: "Give a working Jinja template with data.chat_template.",
        cause: error,
      });
    }
    this.source = source;
    this.#options = options;
  }

  /** Whether the template says itself which text is the assistant's. */
  get marksGeneration(): boolean {
    return this.#template.marksGeneration;
  }

  /**
   * The conversation's text.
   * @throws CoxswainError "data" where the template raises, naming `where` and Jinja's message
   */
  render(conversation: Conversation, { addGenerationPrompt = false, where }: RenderOptions = {}): string {
    try {
      return this.#run(conversation, addGenerationPrompt, ["", ""]);
    } catch (error) {
      throw this.#failed(error, where);
    }
  }

  /**
   * The conversation's text and which of it the assistant said: by `{% generation %}`, else by rendering the
   * conversation up to each turn, which is exact where every such rendering is how the whole one starts.
   * @throws CoxswainError "data" where the template raises, or where neither way is exact
   */
  renderAssistant(conversation: Conversation, { from = 0, where }: AssistantTextOptions = {}): MarkedText {
    if (!this.marksGeneration) return this.#byPrefixes(conversation, from, where);
    try {
      const markers = chooseMarkers(this.source, textsOf(conversation));
      return extractSpans(this.#run(conversation, false, markers), markers);
    } catch (error) {
      throw this.#failed(error, where);
    }
  }

  /** Texts of the tokens that may end a turn. */
  get controlTokens(): ReadonlySet<string> {
    return this.#options.controlTokens;
  }

  /** Whether a conversation is rendered to this very text; one that cannot be rendered is not. */
  rendersAs(conversation: Conversation, text: string): boolean {
    try {
      return this.#run(conversation, false, ["", ""]) === text;
    } catch {
      return false;
    }
  }

  /**
   * How much of the whole text the first `count` messages and the next turn's header are, in UTF-16 units.
   * @throws CoxswainError "data" where the whole text doesn't start with them
   */
  promptLength(conversation: Conversation, whole: string, count: number, where?: string): number {
    const reason = `the prompt (${count} messages) is not rendered as the whole conversation starts`;
    return this.#prefixLength({ conversation, whole, count, addGenerationPrompt: true, reason, where });
  }

  #byPrefixes(conversation: Conversation, from: number, where: string | undefined): MarkedText {
    const { messages } = conversation;
    const text = this.render(conversation, where === undefined ? {} : { where });
    const spans: TextSpan[] = [];
    messages.forEach((message, turn) => {
      if (turn < from || message.role !== "assistant") return;
      const reason = `cut at message ${turn + 1} (assistant), it is not rendered as the whole conversation starts`;
      const common = { conversation, whole: text, reason, where };
      const start = this.#prefixLength({ ...common, count: turn, addGenerationPrompt: true });
      const last = turn + 1 === messages.length;
      const after = last ? text.length : this.#prefixLength({ ...common, count: turn + 1, addGenerationPrompt: false });
      const end = this.#endOfTurn(text, start, after);
      if (end > start) spans.push({ start, end });
    });
    return { text, spans };
  }

  /** The length of the first `count` messages' own rendering, which must be how the whole text starts. */
  #prefixLength({ conversation, whole, count, addGenerationPrompt, reason, where }: PrefixRequest): number {
    const part = { messages: conversation.messages.slice(0, count), tools: conversation.tools };
    let text: string;
    try {
      text = this.#run(part, addGenerationPrompt, ["", ""]);
    } catch (error) {
      throw this.#inexact(`${reason} (the template raised: ${messageOf(error)})`, where);
    }
    if (!whole.startsWith(text)) throw this.#inexact(reason, where);
    return text.length;
  }

  /** A turn ends with its end token: the line break that templates write after it is never generated. */
  #endOfTurn(text: string, start: number, end: number): number {
    const said = text.slice(start, end).trimEnd();
    for (const token of this.#options.controlTokens) {
      if (token !== "" && said.endsWith(token)) return start + said.length;
    }
    return end;
  }

  #run(conversation: Conversation, addGenerationPrompt: boolean, markers: Markers): string {
    const variables = {
      ...this.#options.specialTokens,
      messages: conversation.messages.map(normalizeMessage),
      tools: conversation.tools,
      documents: null,
      add_generation_prompt: addGenerationPrompt,
    };
    return this.#template.render(variables, this.#options.now ?? (() => new Date()), markers);
  }

  #failed(error: unknown, where: string | undefined): CoxswainError {
    const message = `the chat template of ${this.#options.origin} failed to render: ${messageOf(error)}`;
    return new CoxswainError("data", located(where, message), { hint: templateHint, cause: error });
  }

  #inexact(reason: string, where: string | undefined): CoxswainError {
    const message = `the chat template of ${this.#options.origin} doesn't tell which text is the assistant's: ${reason}`;
    return new CoxswainError("data", located(where, message), { hint: inexactHint });
  }
}

/** All texts of a conversation in one. */
const textsOf = (conversation: Conversation): string =>
  JSON.stringify(conversation, (_, value: unknown) => (typeof value === "bigint" ? null : value));

const located = (where: string | undefined, message: string): string =>
  where === undefined ? message : `${where}: ${message}`;
