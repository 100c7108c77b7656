/**
 * Conversations whose prompts end inside a token: prompt and turn are tokenised separately, as at inference, so that such
 * a turn becomes an example of its own. The other turns stay together.
 */
import { tokenizeAnswer } from "./continuation.js";
import type { TextSpan } from "./generation-tags.js";
import { labelsOfSpans } from "./masks.js";
import { IGNORE } from "./row.js";
import type { EncodedText, TextTokenizer } from "./tokenizer.js";

export interface ConversationText {
  readonly text: string;
  readonly tokens: EncodedText;
  /** What is supervised, in order. */
  readonly spans: readonly TextSpan[];
  /** Messages that the spans belong to. */
  readonly turns: readonly number[];
  /** The starts of spans at which a generation prompt ends. */
  readonly promptEnds: ReadonlySet<number>;
  /** Those of them that are inside a token. */
  readonly split: ReadonlySet<number>;
}

export interface LabelledTurns {
  /** [tokens] */
  readonly ids: Int32Array;
  /** [tokens] */
  readonly labels: Int32Array;
  /** Indices of the messages that are supervised. */
  readonly turns: readonly number[];
}

interface Turn {
  /** Index of the message. */
  readonly turns: readonly number[];
  readonly spans: readonly TextSpan[];
  readonly start: number;
  readonly end: number;
}

function turnsOf({ text, spans, turns, promptEnds }: ConversationText): readonly Turn[] {
  const groups: TextSpan[][] = [];
  for (const span of spans) {
    const last = groups.at(-1);
    if (last === undefined || promptEnds.has(span.start)) groups.push([span]);
    else last.push(span);
  }
  return groups.map((own, index) => ({
    turns: groups.length === turns.length ? turns.slice(index, index + 1) : turns,
    spans: own,
    start: own[0]?.start ?? 0,
    // The last turn keeps what the template writes after it.
    end: index + 1 === groups.length ? text.length : (own.at(-1)?.end ?? text.length),
  }));
}

async function alone({ text }: ConversationText, turn: Turn, tokenizer: TextTokenizer): Promise<LabelledTurns> {
  const { start, end, turns } = turn;
  const { ids: prompt } = await tokenizer.encode(text.slice(0, start), { addSpecialTokens: false });
  const whole = { text: text.slice(0, end), answer: text.slice(start, end) };
  const answer = await tokenizeAnswer(prompt, whole, tokenizer);
  const spans = turn.spans.map((span) => ({ start: span.start - start, end: span.end - start }));
  const labels = new Int32Array(prompt.length + answer.ids.length).fill(IGNORE);
  labels.set(labelsOfSpans(answer.ids, answer.offsets, spans), prompt.length);
  return { ids: Int32Array.from([...prompt, ...answer.ids]), labels, turns };
}

function together({ tokens }: ConversationText, turns: readonly Turn[]): LabelledTurns {
  const labels = labelsOfSpans(
    tokens.ids,
    tokens.offsets(),
    turns.flatMap(({ spans }) => spans),
  );
  const length = labels.findLastIndex((label) => label !== IGNORE) + 1;
  return {
    ids: tokens.ids.subarray(0, length),
    labels: labels.subarray(0, length),
    turns: [...new Set(turns.flatMap((turn) => turn.turns))],
  };
}

/** @returns the turns that are split, each by itself, and the others in one; in the order of their first turns */
export async function labelSeparately(
  conversation: ConversationText,
  tokenizer: TextTokenizer,
): Promise<readonly LabelledTurns[]> {
  const turns = turnsOf(conversation);
  const others = turns.filter(({ start }) => !conversation.split.has(start));
  const labelled = turns.map(async (turn) => {
    if (conversation.split.has(turn.start)) return alone(conversation, turn, tokenizer);
    return turn === others[0] ? together(conversation, others) : [];
  });
  return (await Promise.all(labelled)).flat();
}
