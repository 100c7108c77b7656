/** Converts spans of a text to labels of its tokens. */
import type { TextSpan } from "./generation-tags.js";
import { IGNORE } from "./row.js";
import { tokenAfter, tokenFrom, type TokenOffsets } from "./tokenizer/token-offsets.js";

/**
 * Labels: a token that overlaps a span is supervised (as in transformers' `return_assistant_tokens_mask`).
 * @param ids [tokens]
 * @param spans in order
 */
export function labelsOfSpans(ids: Int32Array, offsets: TokenOffsets, spans: readonly TextSpan[]): Int32Array {
  const labels = new Int32Array(ids.length).fill(IGNORE);
  for (const { start, end } of spans) {
    if (start >= end) continue;
    const first = tokenAfter(offsets, start);
    labels.set(ids.subarray(first, Math.max(first, tokenFrom(offsets, end))), first);
  }
  return labels;
}

/** Labels that supervise all tokens from index `from` on. */
export function labelsFrom(ids: Int32Array, from: number): Int32Array {
  return ids.slice().fill(IGNORE, 0, from);
}
