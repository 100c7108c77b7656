/**
 * A chat template renders a conversation to the text that the model reads, as transformers' `apply_chat_template` does,
 * and determines the texts to train on and which parts of them are the assistant's. Does not know tokens.
 */
import { CoxswainError, messageOf } from "../errors.js";
import { ConversationRenderer } from "./conversation-renderer.js";
import { messageName, type Conversation } from "./conversation.js";
import type { MarkedText, TextSpan } from "./generation-tags.js";
import { LimitError } from "../jinja/index.js";
import { compileJinja, type JinjaTemplate } from "./jinja.js";
import { TemplateDialect } from "./template-dialect.js";
import { explainRefusal, refusalOf } from "./template-refusal.js";
import type { SpecialTokens } from "./tokenizer-files.js";
import {
  endOfTurn,
  marksOnlyAppend,
  promptEndsIn,
  spansFrom,
  textsByMarks,
  textsByPrompts,
  turnText,
  type TrainingText,
  type TurnRules,
  type TurnText,
} from "./turns.js";

export interface ChatTemplateOptions {
  /** Passed to the template as variables (`bos_token` …). */
  readonly specialTokens: SpecialTokens;
  /** Texts of the tokens that may end a turn: whitespace after one belongs to no turn. */
  readonly controlTokens: ReadonlySet<string>;
  /** Names the template in errors: "data.chat_template", or the folder it came with. */
  readonly origin: string;
  /** The clock of `strftime_now`. Default: the system's. */
  readonly now?: () => Date;
  /** `data.chat_template_kwargs`: further variables; null is none. A conversation's own go before them. Default: none. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

export interface RenderOptions {
  /** End with the header of an assistant turn, for generation. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** Names the conversation in errors, such as "train.jsonl:7". */
  readonly where?: string;
}

/** Which parts of a conversation are supervised. */
export interface Supervision {
  /** Which assistant turns. Default: "all". */
  readonly turns?: "all" | "last";
  /** The number of leading messages that are a prompt, and not supervised. Default 0. */
  readonly from?: number;
  /** Indices of messages that are not supervised. Default: none. */
  readonly context?: ReadonlySet<number>;
  /** Names the conversation in errors, such as "train.jsonl:7". */
  readonly where?: string;
}

/** A conversation as it is trained on. */
export interface TrainingTexts {
  /** At least one; several if the template rewrites earlier turns. */
  readonly texts: readonly TrainingText[];
  /** The whole conversation, rendered at once. */
  readonly whole: string;
  /** Indices of the supervised assistant messages. */
  readonly turns: readonly number[];
}

const templateHint = "Check the conversation against the template, or set another one with data.chat_template.";
const textArgumentsHint =
  "The template can only write the arguments of a call as a text: give them as JSON text, such as " +
  '"{\\"city\\": \\"Bonn\\"}", not as an object.';
const contentHint =
  "A message has calls and no content, but the template writes only content: write the calls as content, or set a template " +
  "that writes tool_calls (data.chat_template).";
const inexactHint =
  'Give the message "weight": 0, so that it is read but not learnt, or set a template that renders the turn ' +
  "(data.chat_template).";

export class ChatTemplate {
  /** Jinja text. */
  readonly source: string;
  /** `data.chat_template_kwargs` that have a value. */
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly #template: JinjaTemplate;
  readonly #dialect: TemplateDialect;
  readonly #options: ChatTemplateOptions;
  /** All words of its text. */
  #words: ReadonlySet<string> | undefined;

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
    this.#dialect = new TemplateDialect(source, (messages) => this.#rendererAsGiven({ messages, tools: null }).text());
    this.kwargs = Object.fromEntries(Object.entries(options.kwargs ?? {}).filter(([, value]) => value !== null));
  }

  /** Whether the template itself marks the assistant's text. */
  get marksGeneration(): boolean {
    return this.#template.marksGeneration;
  }

  /** Texts of the tokens that may end a turn. */
  get controlTokens(): ReadonlySet<string> {
    return this.#options.controlTokens;
  }

  /** Whether it has the role `developer`, which otherwise is passed as `system`. */
  get hasDeveloper(): boolean {
    return this.#dialect.hasDeveloper;
  }

  /** Whether the template's text contains a name, other than as a part of a longer one. */
  mentions(name: string): boolean {
    this.#words ??= new Set(this.source.match(/[\p{L}\p{N}_]+/gu));
    return this.#words.has(name);
  }

  /**
   * The conversation's text.
   * @throws CoxswainError "data" if the template raises, naming `where` and Jinja's message
   */
  render(conversation: Conversation, { addGenerationPrompt = false, where }: RenderOptions = {}): string {
    const renderer = this.#renderer(conversation);
    return this.#rendered(conversation, where, () => (addGenerationPrompt ? renderer.prompt() : renderer.text()));
  }

  /** Whether a conversation renders to exactly this text; false if it cannot be rendered. */
  rendersAs(conversation: Conversation, text: string): boolean {
    try {
      return this.#renderer(conversation).text() === text;
    } catch {
      return false;
    }
  }

  /**
   * The texts in which the assistant's turns are supervised, each in the context in which a model is asked for it; where
   * the template has `{% generation %}`, what that marks is supervised.
   * @throws CoxswainError "data" if the template raises, or naming a turn whose text it does not determine
   */
  trainingTexts(conversation: Conversation, supervision: Supervision = {}): TrainingTexts {
    const { where, from = 0 } = supervision;
    const renderer = this.#renderer(conversation);
    const rules = this.#rules(from, where);
    const turns = supervisedTurns(conversation, supervision);
    if (!this.marksGeneration) {
      const whole = this.#rendered(conversation, where, () => renderer.text());
      return { texts: textsByPrompts(renderer, whole, turns, rules), whole, turns };
    }
    const whole = this.#rendered(conversation, where, () => renderer.marked());
    const everyTurn = supervisedTurns(conversation, { from }).length === turns.length;
    const texts =
      everyTurn && marksOnlyAppend(renderer, whole, turns, rules)
        ? [this.#asMarked(renderer, whole, turns, from, rules)]
        : textsByMarks(renderer, whole, turns, rules);
    return { texts, whole: whole.text, turns };
  }

  /**
   * The whole conversation's text, all of it supervised but for the prompt and the messages that are context.
   * @throws CoxswainError "data" if the template raises, or naming a message whose text it does not determine
   */
  wholeText(conversation: Conversation, { from = 0, context, where }: Supervision = {}): TrainingTexts {
    const renderer = this.#renderer(conversation);
    const rules = this.#rules(from, where);
    const whole = this.#rendered(conversation, where, () => renderer.text());
    const turns = supervisedTurns(conversation, { from, ...(context === undefined ? {} : { context }) });
    const { text, start } = from === 0 ? { text: whole, start: 0 } : turnText(renderer, from, rules, whole);
    const whether = { turns, parted: new Map(), promptEnds: () => new Set([start]) };
    const unlearnt = [...(context ?? [])].filter((turn) => turn >= from).sort((a, b) => a - b);
    if (start === 0 && unlearnt.length === 0) return { texts: [{ text, spans: null, ...whether }], whole, turns };
    const spans: TextSpan[] = [];
    let at = start;
    for (const turn of unlearnt) {
      const own = turnText(renderer, turn, rules);
      const end = endOfTurn(own.text, own.start, own.text.length, rules.controlTokens);
      if (own.start < at || !text.startsWith(own.text.slice(0, end))) {
        throw rules.refuse(turn, 'it has "weight": 0, and messages after it change how it is rendered');
      }
      if (own.start > at) spans.push({ start: at, end: own.start });
      at = end;
    }
    if (at < text.length) spans.push({ start: at, end: text.length });
    return { texts: [{ text, spans, ...whether }], whole, turns };
  }

  /**
   * A turn, rendered as when a model is asked for it.
   * @throws CoxswainError "data" naming the turn if the template does not determine its text
   */
  turn(conversation: Conversation, turn: number, where?: string): TurnText {
    return turnText(this.#renderer(conversation), turn, this.#rules(0, where));
  }

  /** What `{% generation %}` marks in the whole conversation, from the prompt of message `from` on. */
  #asMarked(
    renderer: ConversationRenderer,
    { text, spans }: MarkedText,
    turns: readonly number[],
    from: number,
    rules: TurnRules,
  ): TrainingText {
    const start = from === 0 ? 0 : turnText(renderer, from, rules, text).start;
    const promptEnds = (): Set<number> => promptEndsIn(renderer, text, turns);
    return { text, spans: spansFrom(spans, start), turns, parted: new Map(), promptEnds };
  }

  #renderer(conversation: Conversation): ConversationRenderer {
    return this.#rendererAsGiven({ ...conversation, messages: this.#dialect.adapted(conversation.messages) });
  }

  #rendererAsGiven(conversation: Conversation): ConversationRenderer {
    const { specialTokens, now } = this.#options;
    return new ConversationRenderer({
      template: this.#template,
      conversation,
      variables: { ...specialTokens, ...this.kwargs, ...conversation.templateKwargs },
      now: now ?? (() => new Date()),
    });
  }

  #rules(from: number, where: string | undefined): TurnRules {
    const refuse = (turn: number, reason: string, cause?: unknown): CoxswainError => {
      const raised = cause === undefined ? "" : ` (the template raised: ${messageOf(cause)})`;
      const message =
        `the chat template of ${this.#options.origin} does not determine the text of ` +
        `${messageName(turn, from)} (assistant): ${reason}${raised}`;
      return new CoxswainError("data", located(where, message), { hint: inexactHint, cause });
    };
    return { controlTokens: this.controlTokens, refuse };
  }

  #rendered<T>(conversation: Conversation, where: string | undefined, render: () => T): T {
    try {
      return render();
    } catch (error) {
      throw this.#failed(conversation, where, error);
    }
  }

  /** Whether a message that only calls is given to a template that does not read calls. */
  #needsContent(messages: Conversation["messages"]): boolean {
    const calls = messages.some(({ content, tool_calls: each }) => content === undefined && Array.isArray(each));
    return calls && !this.mentions("tool_calls");
  }

  #failed(conversation: Conversation, where: string | undefined, error: unknown): CoxswainError {
    const template = `the chat template of ${this.#options.origin}`;
    const adapted = this.#dialect.adapted(conversation.messages);
    const said = refusalOf(error);
    if (error instanceof LimitError) {
      // Not the example's: with the others it would take as long.
      throw new CoxswainError("model", located(where, `${template} does not end: ${error.message}`), {
        hint: "Set another template with data.chat_template.",
        cause: error,
      });
    }
    if (said === undefined) {
      const message = `${template} failed to render: ${messageOf(error)}`;
      const hint = this.#dialect.lacksText(adapted)
        ? textArgumentsHint
        : this.#needsContent(adapted)
          ? contentHint
          : templateHint;
      return new CoxswainError("data", located(where, message), { hint, cause: error });
    }
    const { what, hint } = explainRefusal(conversation.messages, said, (messages) =>
      this.#renderer({ ...conversation, messages }).text(),
    );
    return new CoxswainError("data", located(where, `${template} refuses ${what}: ${said}`), { hint, cause: error });
  }
}

/** Indices of the assistant messages to supervise. */
function supervisedTurns(
  { messages }: Conversation,
  { turns = "all", from = 0, context }: Pick<Supervision, "turns" | "from" | "context">,
): readonly number[] {
  const all = messages.flatMap(({ role }, index) => (role === "assistant" && index >= from ? [index] : []));
  const learnt = all.filter((index) => context?.has(index) !== true);
  return turns === "last" ? learnt.slice(-1) : learnt;
}

const located = (where: string | undefined, message: string): string =>
  where === undefined ? message : `${where}: ${message}`;
