/** Encodes conversations: renders the texts that each is trained on, tokenises them, and labels what is supervised. */
import type { ChatTemplate, TrainingTexts } from "./chat-template.js";
import { messageName } from "./conversation.js";
import type { EncoderOptions, LabelledTokens, Located } from "./encoding.js";
import type { ChatExample } from "./formats/index.js";
import type { TextSpan } from "./generation-tags.js";
import { ignoredParts } from "./ignored.js";
import { labelSeparately, type LabelledTurns } from "./label-separately.js";
import { labelsOfSpans } from "./masks.js";
import { splitPrompts } from "./split-prompts.js";
import type { EncodedText, TextTokenizer } from "./tokenizer.js";
import { tokenFrom, type TokenOffsets } from "./tokenizer/token-offsets.js";
import type { PartedPrompt } from "./turn-start.js";
import type { TrainingText } from "./turns.js";

function templateOf(chat: ChatExample, { templates }: EncoderOptions): ChatTemplate {
  if (templates === null) throw new TypeError("a conversation was read without a chat template");
  return chat.tools === null ? templates.plain : templates.tools;
}

function render({ example: chat, where }: Located<ChatExample>, options: EncoderOptions): readonly TrainingText[] {
  const { assistantOnlyLoss, completionOnlyLoss, turns, onIgnored, onOtherPrompt } = options;
  const template = templateOf(chat, options);
  const from = completionOnlyLoss ? chat.promptMessages : 0;
  const supervision = { from, context: chat.context, where };
  const rendered = assistantOnlyLoss
    ? template.trainingTexts(chat, { ...supervision, turns })
    : template.wholeText(chat, supervision);
  const { texts, whole } = rendered;
  if (onIgnored !== undefined) {
    const answers = rendered.turns.flatMap((turn) => chat.messages[turn] ?? []);
    const said = assistantOnlyLoss ? saidIn(rendered) : null;
    ignoredParts(chat, { text: whole, answers, said }, template).forEach((ignored) => onIgnored(ignored, where));
  }
  if (texts.some(({ parted }) => parted.size > 0)) onOtherPrompt?.(where);
  return texts;
}

function renderIfGood(chat: Located<ChatExample>, options: EncoderOptions): readonly TrainingText[] {
  try {
    return render(chat, options);
  } catch (error) {
    if (options.onBadExample === undefined) throw error;
    options.onBadExample(chat.where, error);
    return [];
  }
}

const saidIn = ({ texts }: TrainingTexts): readonly string[] =>
  texts.flatMap(({ text, spans }) => (spans ?? []).map(({ start, end }) => text.slice(start, end)));

/** The index of the first of `ids` from `from` on that differs from `start`. */
function firstDifference(ids: Int32Array, from: number, start: Int32Array): number {
  const at = start.findIndex((id, index) => ids[from + index] !== id);
  return from + (at < 0 ? start.length : at);
}

/**
 * Where the tokens of a turn part from those of its generation prompt: a token may cross the place where their texts do.
 * @returns the start of the first token that differs, in UTF-16 units
 */
async function partingOf(
  { prompt, from }: PartedPrompt,
  start: number,
  { ids }: EncodedText,
  offsets: TokenOffsets,
  tokenizer: TextTokenizer,
): Promise<number> {
  const given = await tokenizer.encode(prompt, { addSpecialTokens: false });
  const different = firstDifference(ids, tokenFrom(offsets, from), given.ids);
  const parting = different < ids.length ? offsets.start(different) : start;
  return Math.min(start, parting);
}

async function spansOf(
  { spans, parted }: TrainingText,
  tokens: EncodedText,
  offsets: TokenOffsets,
  tokenizer: TextTokenizer,
): Promise<readonly TextSpan[]> {
  const moved = (spans ?? []).map(async ({ start, end }) => {
    const prompt = parted.get(start);
    if (prompt === undefined) return { start, end };
    return { start: await partingOf(prompt, start, tokens, offsets, tokenizer), end };
  });
  return Promise.all(moved);
}

async function label(
  { text, tokens, split }: TokenisedChat,
  tokenizer: TextTokenizer,
): Promise<readonly LabelledTurns[]> {
  const { ids } = tokens;
  const { spans, turns } = text;
  if (spans === null) return [{ ids, labels: ids, turns }];
  if (split.size > 0) {
    return labelSeparately({ ...text, spans, tokens, split, promptEnds: text.promptEnds() }, tokenizer);
  }
  const offsets = tokens.offsets();
  return [{ ids, labels: labelsOfSpans(ids, offsets, await spansOf(text, tokens, offsets, tokenizer)), turns }];
}

interface TokenisedChat {
  readonly text: TrainingText;
  readonly tokens: EncodedText;
  /** Starts of turns whose prompt ends with a space that the text's tokens join with the turn. */
  readonly split: ReadonlySet<number>;
  /** Whether the start of another turn is joined with the end of its prompt. */
  readonly joined: boolean;
}

/**
 * A prompt that ends with a space is the template's doing, and breaks every turn. After anything else (a line break that is
 * joined with the white space of an answer) it is an answer's, whose tokens stay those of the text, as in transformers.
 */
const endsWithSpace = (text: string, end: number): boolean => /[^\S\r\n]/.test(text.charAt(end - 1));

async function tokenise(texts: readonly TrainingText[], tokenizer: TextTokenizer): Promise<readonly TokenisedChat[]> {
  const encoded = await tokenizer.encodeBatch(
    texts.map(({ text }) => text),
    { addSpecialTokens: false },
  );
  const withEnds = encoded.map((tokens, index) => {
    const { text, spans, parted } = texts[index] ?? nothing;
    const ends = (spans ?? []).flatMap(({ start }) => (start === 0 || parted.has(start) ? [] : start));
    return { text, ids: tokens.ids, offsets: tokens.offsets(), ends };
  });
  const insides = await splitPrompts(withEnds, tokenizer);
  return encoded.map((tokens, index) => {
    const text = texts[index] ?? nothing;
    const starts = [...(insides[index] ?? [])];
    const ends = starts.length === 0 ? new Set() : text.promptEnds();
    const inside = starts.filter((start) => ends.has(start));
    const split = inside.filter((start) => endsWithSpace(text.text, start));
    return { text, tokens, split: new Set(split), joined: inside.length > split.length };
  });
}

const nothing: TrainingText = { text: "", spans: [], turns: [], parted: new Map(), promptEnds: () => new Set() };

/** @returns for each conversation the texts that it is trained on */
export async function encodeChats(
  chats: readonly Located<ChatExample>[],
  options: EncoderOptions,
): Promise<(readonly LabelledTokens[])[]> {
  const { tokenizer, onSplitPrompt, onJoinedStart } = options;
  const rendered = chats.map((chat) => renderIfGood(chat, options));
  const tokenised = await tokenise(rendered.flat(), tokenizer);
  const labelled = await Promise.all(tokenised.map((chat) => label(chat, tokenizer)));
  let next = 0;
  return rendered.map((texts, index) => {
    const [from, to] = [next, (next += texts.length)];
    const { example, where = "" } = chats[index] ?? {};
    const chat = tokenised.slice(from, to);
    if (chat.some(({ split }) => split.size > 0)) onSplitPrompt?.(where);
    if (chat.some(({ joined }) => joined)) onJoinedStart?.(where);
    const own = labelled.slice(from, to).flat();
    const prompt = example?.promptMessages ?? 0;
    return own.map(({ ids, labels, turns }) =>
      own.length === 1 ? { ids, labels } : { ids, labels, ...partOf(turns, prompt) },
    );
  });
}

const partOf = (turns: readonly number[], prompt: number): { readonly part: string } => ({
  part: turns.map((turn) => messageName(turn, prompt)).join(", "),
});
