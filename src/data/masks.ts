/** Converts spans of a text to labels of its tokens. */
import type { TextSpan } from "./generation-tags.js";
import { IGNORE } from "./row.js";

/**
 * Labels: a token that overlaps a span is supervised (as in transformers' `return_assistant_tokens_mask`).
 * @param ids [tokens]
 * @param offsets start and end of each token, [tokens * 2]
 * @param spans in order
 */
export function labelsOfSpans(ids: Int32Array, offsets: Int32Array, spans: readonly TextSpan[]): Int32Array {
  const labels = new Int32Array(ids.length).fill(IGNORE);
  let next = 0;
  ids.forEach((id, token) => {
    const start = offsets[token * 2] ?? 0;
    const end = offsets[token * 2 + 1] ?? 0;
    let span = spans[next];
    while (span !== undefined && start >= span.end) span = spans[++next];
    if (span !== undefined && end > span.start) labels[token] = id;
  });
  return labels;
}

/** Labels that supervise all tokens from index `from` on. */
export function labelsFrom(ids: Int32Array, from: number): Int32Array {
  return ids.slice().fill(IGNORE, 0, from);
}
