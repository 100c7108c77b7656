/**
 * Tracks the places and positions of tokens in generated sequences.
 * Padding takes a place but has no position: it uses that of the preceding token. Bookkeeping for the key/value cache.
 */
import { CoxswainError } from "../../errors.js";

/** The result of one feed; arrays are [rows, length] and [rows, places] row-major. */
export interface FedPlaces {
  readonly positions: Int32Array;
  /** All places so far, including the new ones. */
  readonly places: number;
  readonly placePositions: Int32Array;
  /** 1 for a token, 0 for padding. */
  readonly placeValid: Uint8Array;
  /** The last token of each row, as an index into [rows * length]; the last place where a row has only padding. */
  readonly lastTokens: Int32Array;
}

export class Places {
  readonly #rows: number;
  /** Tokens of each row so far. */
  readonly #tokens: Int32Array;
  #places = 0;
  #positions = new Int32Array();
  #valid = new Uint8Array();

  constructor(rows: number) {
    this.#rows = rows;
    this.#tokens = new Int32Array(rows);
  }

  get places(): number {
    return this.#places;
  }

  /** @param valid 1 for a token, 0 for padding, [rows, length] */
  feed(valid: Uint8Array, length: number): FedPlaces {
    const rows = this.#rows;
    if (length < 1 || valid.length !== rows * length) {
      throw new CoxswainError("bug", `a feed of ${rows} rows of ${length} has ${valid.length} places`);
    }
    const earlier = this.#places;
    const places = earlier + length;
    const placePositions = new Int32Array(rows * places);
    const placeValid = new Uint8Array(rows * places);
    const positions = new Int32Array(rows * length);
    const lastTokens = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      placePositions.set(this.#positions.subarray(row * earlier, (row + 1) * earlier), row * places);
      placeValid.set(this.#valid.subarray(row * earlier, (row + 1) * earlier), row * places);
      lastTokens[row] = row * length + length - 1;
      for (let place = 0; place < length; place++) {
        const at = row * length + place;
        const isToken = valid[at] === 1;
        const before = this.#tokens[row] ?? 0;
        const position = isToken ? before : Math.max(0, before - 1);
        positions[at] = position;
        placePositions[row * places + earlier + place] = position;
        placeValid[row * places + earlier + place] = isToken ? 1 : 0;
        if (!isToken) continue;
        lastTokens[row] = at;
        this.#tokens[row] = position + 1;
      }
    }
    this.#places = places;
    this.#positions = placePositions;
    this.#valid = placeValid;
    return { positions, places, placePositions, placeValid, lastTokens };
  }
}
