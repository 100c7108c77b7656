/**
 * A chat template renders a conversation to the text that the model reads, as transformers' `apply_chat_template` does,
 * and determines which parts of that text are the assistant's. Does not know tokens.
 */
import { CoxswainError, messageOf } from "../errors.js";
import { normalizeMessage, type Conversation } from "./conversation.js";
import { chooseMarkers, extractSpans } from "./generation-tags.js";
import type { MarkedText, Markers, TextSpan } from "./generation-tags.js";
import { compileJinja, type JinjaTemplate } from "./jinja.js";
import type { SpecialTokens } from "./tokenizer-files.js";

export interface ChatTemplateOptions {
  /** Passed to the template as variables (`bos_token` …). */
  readonly specialTokens: SpecialTokens;
  /** Texts of the tokens that may end a turn: whitespace after one belongs to no turn. */
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
  /** Index of the first message whose text counts; earlier ones are context. Default 0. */
  readonly from?: number;
  readonly where?: string;
}

interface PrefixRequest {
  readonly conversation: Conversation;
  readonly whole: string;
  readonly count: number;
  readonly addGenerationPrompt: boolean;
  /** The error's reason if the text is not a prefix. */
  readonly reason: string;
  readonly where: string | undefined;
}

const templateHint = "Check the conversation against the template, or set another one with data.chat_template.";
const inexactHint =
  "Use a template that marks the assistant's text with {% generation %} (data.chat_template), or train on the whole " +
  "conversation with data.assistant_only_loss: false.";

export class ChatTemplate {
  /** Jinja text. */
  readonly source: string;
  readonly #template: JinjaTemplate;
  readonly #options: ChatTemplateOptions;

  /**
   * @param source Jinja text
   * @throws CoxswainError "data" if it is not a valid template
   */
  constructor(source: string, options: ChatTemplateOptions) {
    try {
      this.#template = compileJinja(source);
    } catch (error) {
      throw new CoxswainError("data", `the chat template of ${options.origin} is not valid: ${messageOf(error)}`, {
        hint: "Set data.chat_template to a valid Jinja template.",
        cause: error,
      });
    }
    this.source = source;
    this.#options = options;
  }

  /** Whether the template itself marks the assistant's text. */
  get marksGeneration(): boolean {
    return this.#template.marksGeneration;
  }

  /**
   * The conversation's text.
   * @throws CoxswainError "data" if the template raises, naming `where` and Jinja's message
   */
  render(conversation: Conversation, { addGenerationPrompt = false, where }: RenderOptions = {}): string {
    try {
      return this.#run(conversation, addGenerationPrompt, ["", ""]);
    } catch (error) {
      throw this.#failed(error, where);
    }
  }

  /**
   * The conversation's text and its assistant parts: by `{% generation %}`, otherwise by rendering the conversation up
   * to each turn, which is exact if every such rendering is a prefix of the whole.
   * @throws CoxswainError "data" if the template raises, or if neither way is exact
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

  /** Whether a conversation renders to exactly this text; false if it cannot be rendered. */
  rendersAs(conversation: Conversation, text: string): boolean {
    try {
      return this.#run(conversation, false, ["", ""]) === text;
    } catch {
      return false;
    }
  }

  /**
   * The length of the first `count` messages and the next turn's header in the whole text, in UTF-16 units.
   * @throws CoxswainError "data" if the whole text doesn't start with them
   */
  promptLength(conversation: Conversation, whole: string, count: number, where?: string): number {
    const reason = `the rendered prompt (${count} messages) is not a prefix of the rendered conversation`;
    return this.#prefixLength({ conversation, whole, count, addGenerationPrompt: true, reason, where });
  }

  #byPrefixes(conversation: Conversation, from: number, where: string | undefined): MarkedText {
    const { messages } = conversation;
    const text = this.render(conversation, where === undefined ? {} : { where });
    const spans: TextSpan[] = [];
    messages.forEach((message, turn) => {
      if (turn < from || message.role !== "assistant") return;
      const reason = `rendered up to message ${turn + 1} (assistant), it is not a prefix of the whole rendered conversation`;
      const common = { conversation, whole: text, reason, where };
      const start = this.#prefixLength({ ...common, count: turn, addGenerationPrompt: true });
      const last = turn + 1 === messages.length;
      const after = last ? text.length : this.#prefixLength({ ...common, count: turn + 1, addGenerationPrompt: false });
      const end = this.#endOfTurn(text, start, after);
      if (end > start) spans.push({ start, end });
    });
    return { text, spans };
  }

  /** The length of the first `count` messages' own rendering, which must be a prefix of the whole text. */
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

  /** A turn ends with its end token: models never generate the line break that templates write after it. */
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
    const message = `the chat template of ${this.#options.origin} does not determine which text is the assistant's: ${reason}`;
    return new CoxswainError("data", located(where, message), { hint: inexactHint });
  }
}

/** All texts of a conversation, concatenated. */
const textsOf = (conversation: Conversation): string =>
  JSON.stringify(conversation, (_, value: unknown) => (typeof value === "bigint" ? null : value));

const located = (where: string | undefined, message: string): string =>
  where === undefined ? message : `${where}: ${message}`;
