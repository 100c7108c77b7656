/**
 * A language model without weights: the next token is a fixed function of the tokens that a row has been fed. It checks
 * what it is fed as an engine would rely on it.
 */
import type { Decoder } from "../../../src/compute/engine.js";

export interface ToyModelOptions {
  readonly vocabulary: number;
  /** The likeliest token after these. */
  readonly next: (history: readonly number[]) => number;
}

export class ToyModel {
  /** Rows of each decoder that was opened. */
  readonly opened: number[] = [];
  /** rows x length of each feed. */
  readonly feeds: (readonly [rows: number, length: number])[] = [];
  closed = 0;
  readonly #options: ToyModelOptions;

  constructor(options: ToyModelOptions) {
    this.#options = options;
  }

  decoder(rows: number): Promise<Decoder> {
    this.opened.push(rows);
    const histories = Array.from({ length: rows }, (): number[] => []);
    return Promise.resolve({
      feed: (inputIds, valid, length) => {
        if (inputIds.length !== rows * length || valid.length !== rows * length) throw new TypeError("wrong shape");
        this.feeds.push([rows, length]);
        histories.forEach((history, row) => {
          for (let place = row * length; place < (row + 1) * length; place++) {
            if (valid[place] === 1) history.push(inputIds[place]!);
          }
        });
        const logits = new Float32Array(rows * this.#options.vocabulary);
        histories.forEach((history, row) => this.#write(history, logits, row));
        return Promise.resolve(logits);
      },
      close: () => {
        this.closed++;
        return Promise.resolve();
      },
    });
  }

  /** The likeliest token has logit 3, the others between 0 and 2, all a function of the history. */
  #write(history: readonly number[], logits: Float32Array, row: number): void {
    const { vocabulary, next } = this.#options;
    const mixed = history.reduce((sum, token, place) => (sum * 31 + token * 7 + place) % 10_007, 1);
    for (let id = 0; id < vocabulary; id++) logits[row * vocabulary + id] = ((mixed + id * id * 13) % 101) / 50;
    if (history.length > 0) logits[row * vocabulary + next(history)] = 3;
  }
}
