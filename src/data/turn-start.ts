/**
 * Where an assistant's turn starts in a rendered text: at the end of the generation prompt, or where the two part.
 * Pure: knows texts only.
 */

/** A generation prompt that is no prefix of the rendered turn. */
export interface PartedPrompt {
  /** The prompt, from a control token on that both texts have. */
  readonly prompt: string;
  /** Where that control token is in the rendered text, in UTF-16 units. */
  readonly from: number;
}

/** The length of the longest common prefix, in UTF-16 units. */
export function commonPrefix(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  // Texts of conversations agree for most of their length.
  for (let step = 4096; step >= 1; step = step >> 2) {
    while (at + step <= length && a.slice(at, at + step) === b.slice(at, at + step)) at += step;
  }
  return at;
}

/** The length of the longest common suffix, in UTF-16 units. */
export function commonSuffix(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let count = 0;
  while (count < length && a.charCodeAt(a.length - 1 - count) === b.charCodeAt(b.length - 1 - count)) count++;
  return count;
}

/** The start of the control token, or of the surrogate pair, that `at` is inside of; otherwise `at`. */
export function outsideTokens(text: string, at: number, controlTokens: ReadonlySet<string>): number {
  let start = isLowSurrogate(text, at) ? at - 1 : at;
  for (const token of controlTokens) {
    if (token.length < 2) continue;
    const from = Math.max(0, at - token.length + 1);
    const found = text.slice(from, at + token.length - 1).indexOf(token);
    if (found >= 0) start = Math.min(start, from + found);
  }
  return start;
}

const isLowSurrogate = (text: string, at: number): boolean =>
  at > 0 && /[\udc00-\udfff]/.test(text.charAt(at)) && /[\ud800-\udbff]/.test(text.charAt(at - 1));

/**
 * The part of the prompt whose tokens must be compared with those of the text: from the last control token before
 * `start` on. null if `start` follows a control token directly: then tokens part there as well.
 */
export function partedPrompt(
  prompt: string,
  text: string,
  start: number,
  controlTokens: ReadonlySet<string>,
): PartedPrompt | null {
  const shared = text.slice(0, start);
  let from = 0;
  for (const token of controlTokens) {
    if (token === "") continue;
    if (shared.endsWith(token)) return null;
    from = Math.max(from, shared.lastIndexOf(token));
  }
  return { prompt: prompt.slice(from), from };
}
