/**
 * Encodes examples as token ids and labels, in batches, and determines which tokens are supervised. Does not know rows
 * or maximum lengths.
 */
import type { ChatTemplate } from "./chat-template.js";
import type { ChatExample, CompletionExample, Example, TextExample } from "./formats/index.js";
import type { TextSpan } from "./generation-tags.js";
import { ignoredParts, type Ignored } from "./ignored.js";
import { intersectSpans, labelsFrom, labelsOfSpans } from "./masks.js";
import type { TextTokenizer } from "./tokenizer.js";

export interface LabelledTokens {
  /** [tokens] */
  readonly ids: Int32Array;
  /** `IGNORE` if not supervised; not shifted, [tokens]. */
  readonly labels: Int32Array;
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
  readonly templates: { readonly plain: ChatTemplate; readonly tools: ChatTemplate } | null;
  readonly assistantOnlyLoss: boolean;
  readonly completionOnlyLoss: boolean;
  /** Called for each example whose prompt ends inside a token of the whole text. */
  readonly onSplitBoundary?: (where: string) => void;
  /** Called for each example of which the chat template omits something. */
  readonly onIgnored?: (ignored: Ignored, where: string) => void;
  /** Called for each text that gets no eos, since the tokenizer has none. */
  readonly onMissingEos?: (where: string) => void;
}

/** Turns examples into tokens; created once per data set. */
export type Encoder = (examples: readonly LocatedExample[]) => Promise<LabelledTokens[]>;

interface RenderedChat {
  readonly text: string;
  /** null: all text is supervised. */
  readonly spans: readonly TextSpan[] | null;
}

/** Appends an eos, unless the text ends with one or the tokenizer adds one. */
function withEos(text: string, where: string, { tokenizer, onMissingEos }: EncoderOptions): string {
  const { eosToken, affixes } = tokenizer;
  if (affixes.after > 0) return text;
  if (eosToken === null) onMissingEos?.(where);
  return eosToken === null || text.endsWith(eosToken) ? text : text + eosToken;
}

function renderChat(chat: ChatExample, where: string, options: EncoderOptions): RenderedChat {
  const { templates, assistantOnlyLoss, completionOnlyLoss, onIgnored } = options;
  if (templates === null) throw new TypeError("a conversation was read without a chat template");
  const template = chat.tools === null ? templates.plain : templates.tools;
  const prompt = completionOnlyLoss ? chat.promptMessages : 0;
  const marked = assistantOnlyLoss
    ? template.renderAssistant(chat, { from: prompt, where })
    : { text: template.render(chat, { where }), spans: null };
  const { text } = marked;
  if (onIgnored !== undefined) {
    ignoredParts(chat, { ...marked, from: prompt }, template).forEach((ignored) => onIgnored(ignored, where));
  }
  if (prompt === 0) return marked;
  const completion = [{ start: template.promptLength(chat, text, prompt, where), end: text.length }];
  return { text, spans: marked.spans === null ? completion : intersectSpans(marked.spans, completion) };
}

async function encodeChats(chats: readonly Located<ChatExample>[], options: EncoderOptions): Promise<LabelledTokens[]> {
  const rendered = chats.map(({ example, where }) => renderChat(example, where, options));
  const texts = rendered.map(({ text }) => text);
  const encoded = await options.tokenizer.encodeBatch(texts, { addSpecialTokens: false });
  return encoded.map((tokens, index) => {
    const spans = rendered[index]?.spans ?? null;
    const { ids } = tokens;
    return { ids, labels: spans === null ? ids : labelsOfSpans(ids, tokens.offsets(), spans) };
  });
}

async function encodeTexts(texts: readonly Located<TextExample>[], options: EncoderOptions): Promise<LabelledTokens[]> {
  const { tokenizer } = options;
  const encoded = await tokenizer.encodeBatch(texts.map(({ example, where }) => withEos(example.text, where, options)));
  return encoded.map(({ ids }) => ({ ids, labels: ids }));
}

const startsWith = (ids: Int32Array, prefix: Int32Array): boolean =>
  prefix.length <= ids.length && prefix.every((id, index) => ids[index] === id);

/**
 * As in TRL: the prompt's tokens, then the remaining tokens of the whole text. If a token of the whole text crosses the
 * boundary, prompt and completion are tokenised separately, so that the model learns from exactly the prompt that it
 * will be given.
 */
async function encodeCompletions(
  examples: readonly Located<CompletionExample>[],
  options: EncoderOptions,
): Promise<LabelledTokens[]> {
  const { tokenizer, completionOnlyLoss, onSplitBoundary } = options;
  const completions = examples.map(({ example, where }) => withEos(example.completion, where, options));
  for (const { example, where } of examples) {
    if (example.completion.trim() === "") options.onIgnored?.({ kind: "empty_answer", detail: null }, where);
  }
  const prompts = await tokenizer.encodeBatch(examples.map(({ example }) => example.prompt));
  const wholes = await tokenizer.encodeBatch(examples.map(({ example }, n) => example.prompt + (completions[n] ?? "")));
  return Promise.all(
    wholes.map(async ({ ids: whole }, index): Promise<LabelledTokens> => {
      const all = prompts[index]?.ids ?? new Int32Array();
      // Without the tokens that the tokenizer appends: the text continues.
      const prompt = all.subarray(0, all.length - tokenizer.affixes.after);
      const label = (ids: Int32Array): LabelledTokens => ({
        ids,
        labels: completionOnlyLoss ? labelsFrom(ids, prompt.length) : ids,
      });
      if (startsWith(whole, prompt)) return label(whole);
      onSplitBoundary?.(examples[index]?.where ?? "");
      const rest = await tokenizer.encode(completions[index] ?? "", { addSpecialTokens: false });
      const after = whole.subarray(whole.length - tokenizer.affixes.after);
      return label(Int32Array.from([...prompt, ...rest.ids, ...after]));
    }),
  );
}

/** Creates an encoder; results are in the order of the examples. */
export function createEncoder(options: EncoderOptions): Encoder {
  return async (examples) => {
    const results = examples.map(({ example }) =>
      example.kind === "tokens" ? { ids: example.inputIds, labels: example.labels } : nothing,
    );
    const encode = async <Kind extends Example["kind"]>(
      kind: Kind,
      encodeAll: (part: readonly Located<ExampleOf<Kind>>[], options: EncoderOptions) => Promise<LabelledTokens[]>,
    ): Promise<void> => {
      const part = examples.flatMap(({ example, where }, index) =>
        isKind(example, kind) ? [{ example, where, index }] : [],
      );
      if (part.length === 0) return;
      const encoded = await encodeAll(part, options);
      part.forEach(({ index }, n) => (results[index] = encoded[n] ?? nothing));
    };
    await encode("chat", encodeChats);
    await encode("text", encodeTexts);
    await encode("completion", encodeCompletions);
    return results;
  };
}

type ExampleOf<Kind extends Example["kind"]> = Extract<Example, { readonly kind: Kind }>;

const isKind = <Kind extends Example["kind"]>(example: Example, kind: Kind): example is ExampleOf<Kind> =>
  example.kind === kind;

const nothing: LabelledTokens = { ids: new Int32Array(), labels: new Int32Array() };
