/**
 * Tokenises prompt and answer separately, as at inference: a model is given the prompt's own tokens, and its answer
 * begins after them, whatever tokens the whole text has.
 */
import type { TextTokenizer } from "./tokenizer.js";
import { ShiftedOffsets, tokenAfter, type TokenOffsets } from "./tokenizer/token-offsets.js";

/** An answer's tokens. */
export interface AnswerTokens {
  /** [tokens] */
  readonly ids: Int32Array;
  /** Where each is in the answer. */
  readonly offsets: TokenOffsets;
}

const plain = { addSpecialTokens: false } as const;

/**
 * Written before an answer to learn its tokens within a text: the first that the tokenizer does not join with it. Few join
 * a line break with anything but white space, and few a letter with white space.
 */
const contexts = ["\n", "x", "0", "."] as const;

async function alone(answer: string, tokenizer: TextTokenizer): Promise<AnswerTokens> {
  const encoded = await tokenizer.encode(answer, plain);
  return { ids: encoded.ids, offsets: encoded.offsets() };
}

/** Without what a tokenizer writes before a text, such as the "▁" of Llama 2's; null if the context is joined with it. */
async function within(context: string, answer: string, tokenizer: TextTokenizer): Promise<AnswerTokens | null> {
  const encoded = await tokenizer.encode(context + answer, plain);
  const offsets = encoded.offsets();
  const first = tokenAfter(offsets, context.length);
  if (first === offsets.count || offsets.start(first) < context.length) return null;
  return { ids: encoded.ids.subarray(first), offsets: new ShiftedOffsets(offsets, first, context.length) };
}

/** @param prompt its tokens, as a model is given them; `text` the prompt and the answer */
export async function tokenizeAnswer(
  prompt: Int32Array,
  { text, answer }: { readonly text: string; readonly answer: string },
  tokenizer: TextTokenizer,
): Promise<AnswerTokens> {
  const first = await alone(answer, tokenizer);
  // Without special tokens: the prompt may begin with one that is not in the text.
  const spoken = (ids: ArrayLike<number>): Promise<string> => tokenizer.decode(ids, { skipSpecialTokens: true });
  const wanted = await spoken((await tokenizer.encode(text, plain)).ids);
  const says = async ({ ids }: AnswerTokens): Promise<boolean> => (await spoken([...prompt, ...ids])) === wanted;
  if (await says(first)) return first;
  for (const context of contexts) {
    const second = await within(context, answer, tokenizer);
    if (second !== null && (await says(second))) return second;
  }
  return first;
}
