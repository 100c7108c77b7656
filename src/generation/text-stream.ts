/**
 * Converts tokens to text as soon as it is certain. A character may span several tokens (the bytes of an emoji),
 * and some decoders look at the token before (a leading space): so each piece is decoded together with the piece before
 * it, and text that ends in an incomplete character waits. Does not know the source of the tokens.
 */
import type { TextTokenizer } from "../data/index.js";

/** What a decoder writes for bytes that are not (yet) a character. */
const replacement = "\ufffd";

export class TextStream {
  readonly #tokenizer: Pick<TextTokenizer, "decode">;
  /** The last emitted piece, then the pending tokens. */
  #window: number[] = [];
  /** Number of emitted tokens in the window. */
  #given = 0;

  /** Special tokens (`<|im_end|>`) are omitted. */
  constructor(tokenizer: Pick<TextTokenizer, "decode">) {
    this.#tokenizer = tokenizer;
  }

  /** @returns the text that is certain now; often a word, "" while a character is incomplete */
  async push(token: number): Promise<string> {
    this.#window.push(token);
    const text = await this.#waiting();
    if (text === "" || text.endsWith(replacement)) return "";
    this.#window = this.#window.slice(this.#given);
    this.#given = this.#window.length;
    return text;
  }

  /** @returns the pending text: an incomplete character, shown as the replacement character */
  async finish(): Promise<string> {
    const text = await this.#waiting();
    this.#window = [];
    this.#given = 0;
    return text;
  }

  async #waiting(): Promise<string> {
    if (this.#given === this.#window.length) return "";
    const before = await this.#decode(this.#window.slice(0, this.#given));
    const all = await this.#decode(this.#window);
    return all.slice(before.length);
  }

  #decode(ids: readonly number[]): Promise<string> {
    return ids.length === 0 ? Promise.resolve("") : this.#tokenizer.decode(ids, { skipSpecialTokens: true });
  }
}
