/** Where the tokens of the native library are in a text. */
import type { Encoding } from "tokenizers";
import { codePointStarts } from "../code-points.js";
import type { TokenOffsets } from "./token-offsets.js";

/** Of the native library, which counts code points. */
export class NativeOffsets implements TokenOffsets {
  readonly count: number;
  readonly #encoding: Encoding;
  readonly #length: number;
  /** null if code points and UTF-16 units are counted alike. */
  readonly #starts: Int32Array | null;

  constructor(text: string, encoding: Encoding) {
    this.#encoding = encoding;
    this.#starts = codePointStarts(text);
    this.#length = text.length;
    this.count = encoding.getLength();
  }

  start(token: number): number {
    const [start = 0] = this.#encoding.tokenToChars(token) ?? [];
    return this.#starts?.[start] ?? start;
  }

  end(token: number): number {
    const [, end = 0] = this.#encoding.tokenToChars(token) ?? [];
    return this.#starts?.[end] ?? end;
  }

  containing(position: number): number | null {
    if (position >= this.#length) return null;
    return this.#encoding.charToToken(this.#codePointAt(position));
  }

  /** The code point that a UTF-16 unit belongs to. */
  #codePointAt(position: number): number {
    const starts = this.#starts;
    if (starts === null) return position;
    let [from, to] = [0, starts.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((starts[middle] ?? Infinity) > position) to = middle;
      else from = middle + 1;
    }
    return from - 1;
  }
}
