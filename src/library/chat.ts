/** A conversation with an opened model, for `coxswain chat`: its messages, its system message, one answer at a time. */
import type { ChatMessage } from "../data/index.js";
import { CoxswainError } from "../errors.js";
import type { OpenedModel } from "../generation/index.js";
import { checkDrawing, notesOn, streamAnswer } from "./generate.js";
import type { DrawingOptions, GenerateResult } from "./generate.js";
import { defaultConfig, openAskedModel } from "./model-options.js";
import type { ModelOptions, OpenEngine } from "./model-options.js";
import { promptTokens } from "./prompt.js";

/** An answer, or the part of it that was generated before it was stopped. */
export interface ChatAnswer {
  readonly text: string;
  /** null if it was stopped. */
  readonly result: GenerateResult | null;
}

/** Thrown in the callback of a token to end the generation. */
class Stopped extends Error {}

/** One model, and its side of the conversation. The owner closes it. */
export class ChatSide {
  readonly opened: OpenedModel;
  #messages: ChatMessage[] = [];
  #system: string | undefined;

  constructor(opened: OpenedModel) {
    this.opened = opened;
  }

  /** Starts a new conversation; the system message stays. */
  reset(): void {
    this.#messages = [];
  }

  /** From the next question on. @param text undefined removes it */
  setSystem(text: string | undefined): void {
    this.#system = text;
  }

  /**
   * Asks; question and answer become part of the conversation, unless this fails or nothing was generated.
   * @throws CoxswainError "usage" if the conversation is longer than the model's context; what the template refuses
   */
  async ask(
    question: string,
    drawing: DrawingOptions,
    { onText, signal }: { readonly onText: (text: string) => void; readonly signal: AbortSignal },
  ): Promise<ChatAnswer> {
    const asked: ChatMessage[] = [...this.#messages, { role: "user", content: question }];
    const system: ChatMessage[] = this.#system === undefined ? [] : [{ role: "system", content: this.#system }];
    const conversation = { messages: [...system, ...asked], tools: null };
    const prompt = await promptTokens({ kind: "conversation", conversation, where: "the conversation" }, this.opened);
    this.#requireRoom(prompt.length);
    let text = "";
    let result: GenerateResult | null = null;
    try {
      result = await streamAnswer(this.opened, prompt, drawing, (piece) => {
        if (signal.aborted) throw new Stopped();
        text += piece;
        if (piece !== "") onText(piece);
      });
      text = result.text;
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
    if (result !== null || text !== "") this.#messages = [...asked, { role: "assistant", content: text }];
    return { text, result };
  }

  close(): Promise<void> {
    return this.opened.close();
  }

  #requireRoom(tokens: number): void {
    const { contextLength } = this.opened;
    if (tokens < contextLength) return;
    throw new CoxswainError(
      "usage",
      `the conversation has ${tokens} tokens, but the model has ${contextLength} positions for it and the answer`,
      { hint: "/reset starts a new conversation; otherwise ask something shorter." },
    );
  }
}

/** Base model and adapter; a side that was not asked for is null. */
export interface ChatSides {
  readonly base: ChatSide | null;
  readonly tuned: ChatSide | null;
  readonly notes: readonly string[];
}

/**
 * Opens the model with and without the adapter, both with the same template, variables and quantization.
 * @param only one of them
 * @throws CoxswainError "usage" for sampling settings out of range; what opening a model throws
 */
export async function openChat(
  options: ModelOptions & DrawingOptions,
  only: "base" | "tuned" | undefined,
  openEngine: OpenEngine | undefined,
): Promise<ChatSides> {
  await checkDrawing(options);
  const config = await defaultConfig();
  const open = (more: Partial<ModelOptions>): Promise<OpenedModel> =>
    openAskedModel({ ...options, ...more }, config, openEngine);
  if (options.adapter === undefined) {
    const base = await withTemplate(await open({}));
    return { base: new ChatSide(base), tuned: null, notes: notesOn(base) };
  }
  const tuned = await withTemplate(await open({}));
  const notes = notesOn(tuned);
  if (only === "tuned") return { base: null, tuned: new ChatSide(tuned), notes };
  try {
    const { name, templates, templateKwargs, usedQuantization } = tuned;
    const base = await open({
      model: options.model ?? name,
      adapter: undefined,
      chatTemplate: options.chatTemplate ?? templates?.plain.source,
      chatTemplateKwargs: templateKwargs,
      quantization: usedQuantization ?? "none",
    });
    if (only === undefined) return { base: new ChatSide(base), tuned: new ChatSide(tuned), notes };
    await tuned.close();
    return { base: new ChatSide(base), tuned: null, notes };
  } catch (error) {
    await tuned.close();
    throw error;
  }
}

async function withTemplate(opened: OpenedModel): Promise<OpenedModel> {
  if (opened.templates !== null) return opened;
  await opened.close();
  throw new CoxswainError("model", `${opened.name} has no chat template, so it takes no messages`, {
    hint: "Give a template with --chat-template, or continue a text with `coxswain generate --raw`.",
  });
}
