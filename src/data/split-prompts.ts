/**
 * Finds prompts whose tokens are no beginning of the whole text's tokens: the prompt ends inside what the tokenizer
 * joins with the answer, such as a space. A model that is given such a prompt has to begin its answer with another token
 * than the whole text has. Does not know templates.
 */
import type { TextTokenizer } from "./tokenizer.js";
import { tokenAfter, type TokenOffsets } from "./tokenizer/token-offsets.js";

/** A tokenised text, and where prompts end in it. */
export interface TextWithPrompts {
  readonly text: string;
  /** [tokens] */
  readonly ids: Int32Array;
  readonly offsets: TokenOffsets;
  /** In UTF-16 units. */
  readonly ends: readonly number[];
}

/** How many tokens before the end decide: what follows a text changes its last tokens only. */
const compared = 6;
const window = 2 * compared;

/** The end of a prompt, from a place on where its tokens don't depend on the text before. */
interface PromptTail {
  readonly end: number;
  readonly text: string;
  /** What the whole text has for it, [tokens]. */
  readonly ids: Int32Array;
}

/**
 * From a special token on, which is matched before anything else, so that most prompts of a data set have the same tail;
 * otherwise from some tokens before on. null if the end is inside a token.
 */
function tailOf({ text, ids, offsets }: TextWithPrompts, end: number, special: ReadonlySet<number>): PromptTail | null {
  const after = tokenAfter(offsets, end);
  if (after < ids.length && offsets.start(after) < end) return null;
  let first = Math.max(0, after - window);
  for (let at = after - 1; at >= first; at--) if (special.has(ids[at] ?? -1)) first = at;
  // Not within the bytes of a character.
  while (first > 0 && offsets.start(first) === offsets.start(first - 1)) first--;
  return {
    end,
    text: text.slice(first < ids.length ? offsets.start(first) : end, end),
    ids: ids.subarray(first, after),
  };
}

const sameEnd = (a: Int32Array, b: Int32Array, count: number): boolean => {
  const length = Math.min(count, Math.max(a.length, b.length));
  for (let back = 1; back <= length; back++) if (a.at(-back) !== b.at(-back)) return false;
  return true;
};

/** @returns for each text, those of its ends at which a prompt has other tokens than the whole text */
export async function splitPrompts(
  texts: readonly TextWithPrompts[],
  tokenizer: TextTokenizer,
): Promise<readonly ReadonlySet<number>[]> {
  const { controlIds } = tokenizer;
  const tails = texts.map((one) => one.ends.map((end) => ({ end, tail: tailOf(one, end, controlIds) })));
  const tailTexts = [...new Set(tails.flat().flatMap(({ tail }) => tail?.text ?? []))];
  const encoded = await tokenizer.encodeBatch(tailTexts, { addSpecialTokens: false });
  const idsOf = new Map(tailTexts.map((text, index) => [text, encoded[index]?.ids ?? new Int32Array()]));
  const isSplit = async (one: TextWithPrompts, end: number, tail: PromptTail | null): Promise<boolean> => {
    if (tail === null) return true;
    if (sameEnd(tail.ids, idsOf.get(tail.text) ?? new Int32Array(), compared)) return false;
    // The tail may depend on the text before after all: the whole prompt decides.
    const { ids: prompt } = await tokenizer.encode(one.text.slice(0, end), { addSpecialTokens: false });
    const given = one.ids.subarray(0, tokenAfter(one.offsets, end));
    return !(prompt.length === given.length && sameEnd(prompt, given, prompt.length));
  };
  return Promise.all(
    texts.map(async (one, index) => {
      const verdicts = await Promise.all(
        (tails[index] ?? []).map(async ({ end, tail }) => ((await isSplit(one, end, tail)) ? [end] : [])),
      );
      return new Set(verdicts.flat());
    }),
  );
}
