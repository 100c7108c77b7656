/**
 * Where the tokens of a text are in it. Only a few of a text's offsets are needed (where its turns begin and end), and
 * reading all of them from the native library takes longer than rendering the text: they are read one at a time.
 */

/** Positions are indices of a JavaScript string. They never decrease from token to token. */
export interface TokenOffsets {
  /** Number of tokens. */
  readonly count: number;
  /**
   * Where a token starts. Tokens that share one character (the bytes of an emoji) share its offsets; tokens that the
   * tokenizer added have none (0, 0).
   */
  start(token: number): number;
  /** Where a token ends, exclusive. */
  end(token: number): number;
  /** The first token that contains a position; null if none does (the tokenizer dropped the character). */
  containing(position: number): number | null;
}

/** The first token that ends after a position; `count` if there is none. */
export function tokenAfter(offsets: TokenOffsets, position: number): number {
  const found = offsets.containing(position);
  if (found !== null) return found;
  let [from, to] = [0, offsets.count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (offsets.end(middle) > position) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** The first token that does not start before a position; `count` if there is none. */
export function tokenFrom(offsets: TokenOffsets, position: number): number {
  let token = tokenAfter(offsets, position);
  while (token < offsets.count && offsets.start(token) < position) token++;
  // Tokens without text (such as the "▁" that some tokenizers write before a word) end where they start.
  while (token > 0 && offsets.start(token - 1) >= position) token--;
  return token;
}

/** The last tokens of a text, from token `first` on, as those of the text from position `by` on. */
export class ShiftedOffsets implements TokenOffsets {
  readonly count: number;
  readonly #of: TokenOffsets;
  readonly #first: number;
  readonly #by: number;

  constructor(of: TokenOffsets, first: number, by: number) {
    this.#of = of;
    this.#first = first;
    this.#by = by;
    this.count = of.count - first;
  }

  start(token: number): number {
    return this.#of.start(token + this.#first) - this.#by;
  }

  end(token: number): number {
    return this.#of.end(token + this.#first) - this.#by;
  }

  containing(position: number): number | null {
    const token = this.#of.containing(position + this.#by);
    return token === null || token < this.#first ? null : token - this.#first;
  }
}
