/**
 * Determines the texts that a conversation is trained on: each supervised turn is rendered as it will be when a model
 * is asked for it, after the messages before it. Turns share a text where one's rendering is the beginning of the
 * other's; a template that only appends gives one text for the whole conversation. Does not know tokens.
 */
import type { ConversationRenderer } from "./conversation-renderer.js";
import type { MarkedText, TextSpan } from "./generation-tags.js";
import { commonPrefix, commonSuffix, outsideTokens, partedPrompt, type PartedPrompt } from "./turn-start.js";
import { attempt } from "./attempt.js";

/** A text to train on. */
export interface TrainingText {
  readonly text: string;
  /** In order, not overlapping; null: all text is supervised. */
  readonly spans: readonly TextSpan[] | null;
  /** Indices of the messages that the spans belong to, in order. */
  readonly turns: readonly number[];
  /** By the start of its span: a turn whose generation prompt continues otherwise than the turn. */
  readonly parted: ReadonlyMap<number, PartedPrompt>;
  /** The starts of spans at which a generation prompt ends; may render them. */
  readonly promptEnds: () => ReadonlySet<number>;
}

/** One turn, rendered as at inference. */
export interface TurnText {
  /** The messages before the turn, and the turn. */
  readonly text: string;
  /** What a model is given to answer. */
  readonly prompt: string;
  /** Where the answer starts. */
  readonly start: number;
  /** Whether the prompt is no prefix of the text; they part at `start`. */
  readonly parts: boolean;
}

export interface TurnRules {
  /** Texts of the tokens that may end a turn: whitespace after one belongs to no turn. */
  readonly controlTokens: ReadonlySet<string>;
  /** The error for a turn whose text can't be determined. */
  readonly refuse: (turn: number, reason: string, cause?: unknown) => Error;
}

/** @param text of the messages up to the turn, if it is rendered already */
export function turnText(renderer: ConversationRenderer, turn: number, rules: TurnRules, text?: string): TurnText {
  const { controlTokens, refuse } = rules;
  const rendered = (render: () => string, what: string): string => {
    try {
      return render();
    } catch (error) {
      throw refuse(turn, what, error);
    }
  };
  const prompt = rendered(() => renderer.prompt(turn), "the messages before it can't be rendered");
  const own = text ?? rendered(() => renderer.text(turn + 1), "the messages up to it can't be rendered");
  if (own.startsWith(prompt)) return { text: own, prompt, start: prompt.length, parts: false };
  const before = turn === 0 ? "" : rendered(() => renderer.text(turn), "the messages before it can't be rendered");
  const header = commonPrefix(prompt, before);
  const parting = commonPrefix(prompt, own);
  if (parting >= header) {
    return { text: own, prompt, start: outsideTokens(own, parting, controlTokens), parts: true };
  }
  const asked = afterHistory(renderer, turn, prompt, own);
  if (asked === null) throw refuse(turn, "the template rewrites the messages before it once it is there");
  return asked;
}

/**
 * The prompt with what a template writes of a turn, if the template rewrites messages before the turn once it is there
 * (gpt-oss drops reasoning before an answer, Mistral moves the system message): a model is asked before that happens. What
 * follows the message directly before the turn is what does not change place when that message's content is marked.
 */
function afterHistory(renderer: ConversationRenderer, turn: number, prompt: string, own: string): TurnText | null {
  const marked = renderer.withMark(turn - 1);
  const otherPrompt = attempt(() => marked?.prompt(turn) ?? "");
  const otherText = attempt(() => marked?.text(turn + 1) ?? "");
  if (otherPrompt === null || otherText === null || otherPrompt === prompt || otherText === own) return null;
  const header = prompt.slice(prompt.length - commonSuffix(prompt, otherPrompt));
  const rest = own.slice(own.length - commonSuffix(own, otherText));
  const shared = commonPrefix(header, rest);
  if (shared === 0 && header !== "") return null;
  const start = prompt.length - header.length + shared;
  return { text: prompt.slice(0, start) + rest.slice(shared), prompt, start, parts: shared < header.length };
}

/** A turn ends with its end token: models never generate the line break that templates write after it. */
export function endOfTurn(text: string, start: number, end: number, controlTokens: ReadonlySet<string>): number {
  const said = text.slice(start, end).trimEnd();
  for (const token of controlTokens) {
    if (token !== "" && said.endsWith(token)) return start + said.length;
  }
  return end;
}

interface OpenText {
  readonly text: string;
  readonly spans: TextSpan[];
  readonly turns: number[];
  readonly parted: Map<number, PartedPrompt>;
  readonly ends: Set<number>;
}

const open = (text: string): OpenText => ({ text, spans: [], turns: [], parted: new Map(), ends: new Set() });

/** What a turn adds to a text, and where its last supervised character is. */
interface SupervisedTurn {
  readonly turn: number;
  readonly text: string;
  readonly spans: readonly TextSpan[];
  readonly parted: PartedPrompt | null;
  /** Whether the first span starts where the generation prompt ends. */
  readonly afterPrompt: boolean;
}

/**
 * Turns from the last to the first: each joins the text before it (that of a later turn) if this begins with its own,
 * up to its last supervised character.
 */
function gather(whole: string, turns: Iterable<SupervisedTurn>): readonly TrainingText[] {
  const texts = [open(whole)];
  let current = texts[0] ?? open(whole);
  for (const { turn, text, spans, parted, afterPrompt } of turns) {
    const [first] = spans;
    const end = spans.at(-1)?.end ?? 0;
    if (first === undefined) continue;
    if (!current.text.startsWith(text.slice(0, end))) texts.push((current = open(text)));
    current.spans.unshift(...spans);
    current.turns.unshift(turn);
    if (parted !== null) current.parted.set(first.start, parted);
    if (afterPrompt) current.ends.add(first.start);
  }
  const used = texts.filter(({ spans }) => spans.length > 0);
  const gathered = used.length === 0 ? texts.slice(0, 1) : used.reverse();
  return gathered.map(({ ends, ...rest }) => ({ ...rest, promptEnds: () => ends }));
}

/** Without `{% generation %}`: a turn is supervised from the end of its prompt to its end. */
export function textsByPrompts(
  renderer: ConversationRenderer,
  whole: string,
  turns: readonly number[],
  rules: TurnRules,
): readonly TrainingText[] {
  const { controlTokens } = rules;
  function* supervised(): Generator<SupervisedTurn> {
    for (const turn of turns.toReversed()) {
      const last = turn + 1 === renderer.count;
      const { text, prompt, start, parts } = turnText(renderer, turn, rules, last ? whole : undefined);
      const end = endOfTurn(text, start, text.length, controlTokens);
      const parted = parts ? partedPrompt(prompt, text, start, controlTokens) : null;
      yield { turn, text, spans: end > start ? [{ start, end }] : [], parted, afterPrompt: !parts };
    }
  }
  return gather(whole, supervised());
}

/** With `{% generation %}`: what the template marks in a turn is supervised. */
export function textsByMarks(
  renderer: ConversationRenderer,
  whole: MarkedText,
  turns: readonly number[],
  rules: TurnRules,
): readonly TrainingText[] {
  function* supervised(): Generator<SupervisedTurn> {
    for (const turn of turns.toReversed()) {
      const marked = turn + 1 === renderer.count ? whole : markedUpTo(renderer, turn, rules);
      const { text, start, parts } = turnText(renderer, turn, rules, marked.text);
      const moved = text.length - marked.text.length;
      const own = marked.spans.map((span) => ({ start: span.start + moved, end: span.end + moved }));
      const spans = spansFrom(own, start);
      yield { turn, text, spans, parted: null, afterPrompt: !parts && spans[0]?.start === start };
    }
  }
  return gather(whole.text, supervised());
}

/** With `{% generation %}`: where the prompts of turns end in the whole text, as far as they are beginnings of it. */
export function promptEndsIn(renderer: ConversationRenderer, whole: string, turns: readonly number[]): Set<number> {
  const prompts = turns.flatMap((turn) => attempt(() => renderer.prompt(turn)) ?? []);
  return new Set(prompts.filter((prompt) => whole.startsWith(prompt)).map((prompt) => prompt.length));
}

function markedUpTo(renderer: ConversationRenderer, turn: number, { refuse }: TurnRules): MarkedText {
  try {
    return renderer.marked(turn + 1);
  } catch (error) {
    throw refuse(turn, "the messages up to it can't be rendered", error);
  }
}

/** With `{% generation %}`: whether every text up to a turn's last mark is a beginning of the whole. */
export function marksOnlyAppend(
  renderer: ConversationRenderer,
  whole: MarkedText,
  turns: readonly number[],
  rules: TurnRules,
): boolean {
  return turns.every((turn) => {
    if (turn + 1 === renderer.count) return true;
    const { text, spans } = markedUpTo(renderer, turn, rules);
    return whole.text.startsWith(text.slice(0, spans.at(-1)?.end ?? 0));
  });
}

/** The parts of spans from `start` on. */
export const spansFrom = (spans: readonly TextSpan[], start: number): TextSpan[] =>
  spans.flatMap((span) => (span.end > start ? [{ start: Math.max(start, span.start), end: span.end }] : []));
