/** Encodes conversations: renders the texts that each is trained on, tokenises them, and labels what is supervised. */
import type { ChatTemplate, TrainingTexts } from "./chat-template.js";
import { messageName } from "./conversation.js";
import type { EncoderOptions, LabelledTokens, Located } from "./encoding.js";
import type { ChatExample } from "./formats/index.js";
import type { TextSpan } from "./generation-tags.js";
import { ignoredParts } from "./ignored.js";
import { labelsOfSpans } from "./masks.js";
import type { EncodedText, TextTokenizer } from "./tokenizer.js";
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

const startsWith = (ids: Int32Array, from: number, start: Int32Array): number => {
  const at = start.findIndex((id, index) => ids[from + index] !== id);
  return from + (at < 0 ? start.length : at);
};

/**
 * Where the tokens of a turn part from those of its generation prompt: a token may cross the place where their texts do.
 * @returns the start of the first token that differs, in UTF-16 units
 */
async function partingOf(
  { prompt, from }: PartedPrompt,
  start: number,
  { ids }: EncodedText,
  offsets: Int32Array,
  tokenizer: TextTokenizer,
): Promise<number> {
  const given = await tokenizer.encode(prompt, { addSpecialTokens: false });
  let first = 0;
  while (first < ids.length && (offsets[first * 2] ?? 0) < from) first++;
  const parting = offsets[startsWith(ids, first, given.ids) * 2] ?? start;
  return Math.min(start, parting);
}

async function spansOf(
  { spans, parted }: TrainingText,
  tokens: EncodedText,
  offsets: Int32Array,
  tokenizer: TextTokenizer,
): Promise<readonly TextSpan[]> {
  const moved = (spans ?? []).map(async ({ start, end }) => {
    const prompt = parted.get(start);
    if (prompt === undefined) return { start, end };
    return { start: await partingOf(prompt, start, tokens, offsets, tokenizer), end };
  });
  return Promise.all(moved);
}

async function label(text: TrainingText, tokens: EncodedText, tokenizer: TextTokenizer): Promise<LabelledTokens> {
  const { ids } = tokens;
  if (text.spans === null) return { ids, labels: ids };
  const offsets = tokens.offsets();
  return { ids, labels: labelsOfSpans(ids, offsets, await spansOf(text, tokens, offsets, tokenizer)) };
}

/** @returns for each conversation the texts that it is trained on */
export async function encodeChats(
  chats: readonly Located<ChatExample>[],
  options: EncoderOptions,
): Promise<(readonly LabelledTokens[])[]> {
  const { tokenizer } = options;
  const rendered = chats.map((chat) => renderIfGood(chat, options));
  const encoded = await tokenizer.encodeBatch(
    rendered.flat().map(({ text }) => text),
    { addSpecialTokens: false },
  );
  const labelled = await Promise.all(
    rendered.flat().map(async (text, index): Promise<LabelledTokens> => {
      const tokens = encoded[index];
      if (tokens === undefined) throw new TypeError("a text was not tokenised");
      return label(text, tokens, tokenizer);
    }),
  );
  let next = 0;
  return rendered.map((texts, index) => {
    const own = labelled.slice(next, (next += texts.length));
    const prompt = chats[index]?.example.promptMessages ?? 0;
    return own.length === 1 ? own : own.map((tokens, n) => ({ ...tokens, ...partOf(texts[n], prompt) }));
  });
}

const partOf = (text: TrainingText | undefined, prompt: number): { readonly part: string } => ({
  part: (text?.turns ?? []).map((turn) => messageName(turn, prompt)).join(", "),
});
