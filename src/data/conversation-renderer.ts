/**
 * Renders beginnings of one conversation with a compiled template. Everything that the beginnings share is converted to
 * template values once: a conversation of n turns is rendered up to 2n times.
 */
import { chooseMarkers, extractSpans, type MarkedText, type Markers } from "./generation-tags.js";
import { normalizeMessage, textsOf, type Conversation } from "./conversation.js";
import { templateValue, type JinjaTemplate } from "./jinja.js";

export interface RendererOptions {
  readonly template: JinjaTemplate;
  readonly conversation: Conversation;
  /** Special tokens and `chat_template_kwargs`, by name. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly now: () => Date;
}

/** A private-use character. */
const mark = "\ue0ef";

const unmarked: Markers = ["", ""];

export class ConversationRenderer {
  /** Number of messages. */
  readonly count: number;
  readonly #options: RendererOptions;
  readonly #messages: readonly unknown[];
  readonly #tools: unknown;
  #markers: Markers | undefined;

  constructor(options: RendererOptions) {
    const { messages, tools } = options.conversation;
    this.#options = options;
    this.#messages = messages.map((message) => templateValue(normalizeMessage(message)));
    this.#tools = templateValue(tools);
    this.count = messages.length;
  }

  /** The text of the first `count` messages. Throws what the template raises. */
  text(count = this.count): string {
    return this.#run(count, false, unmarked);
  }

  /** The same with the header of an assistant turn: what a model is given to answer. */
  prompt(count = this.count): string {
    return this.#run(count, true, unmarked);
  }

  /** The text of the first `count` messages, and what is in `{% generation %}`. */
  marked(count = this.count): MarkedText {
    const { template, conversation, variables } = this.#options;
    this.#markers ??= chooseMarkers(template.source, textsOf(conversation), textsOf(variables));
    return extractSpans(this.#run(count, false, this.#markers), this.#markers);
  }

  /** The conversation with a mark at the end of one message's content; null if it has none. */
  withMark(index: number): ConversationRenderer | null {
    const { conversation } = this.#options;
    const message = conversation.messages[index];
    if (typeof message?.content !== "string") return null;
    const marked = { ...message, content: message.content + mark };
    const messages = conversation.messages.with(index, marked);
    return new ConversationRenderer({ ...this.#options, conversation: { ...conversation, messages } });
  }

  #run(count: number, addGenerationPrompt: boolean, markers: Markers): string {
    const { template, variables, now } = this.#options;
    const all = {
      documents: null,
      ...variables,
      messages: count === this.count ? this.#messages : this.#messages.slice(0, count),
      tools: this.#tools,
      add_generation_prompt: addGenerationPrompt,
    };
    return template.render(all, now, markers);
  }
}
