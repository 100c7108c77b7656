/** cos and sin of rotary angles for positions 0, 1, …, as many as have been asked for. */
import type { RotarySettings } from "../ops.js";

/** Token ids and their positions within their examples, [rows, length] each. */
export interface PositionedTokens {
  readonly rows: number;
  readonly length: number;
  readonly inputIds: Int32Array;
  readonly positions: Int32Array;
}

export class RotaryTable {
  readonly settings: RotarySettings;
  #positions = 0;
  #cos = new Float32Array();
  #sin = new Float32Array();

  constructor(settings: RotarySettings) {
    this.settings = settings;
  }

  /**
   * The same for at least the positions of some tokens, and no fewer than the places of a row, which ONNX Runtime
   * requires although positions restart in a packed row.
   */
  covering({ positions, length }: PositionedTokens): ReturnType<RotaryTable["upTo"]> & { readonly half: number } {
    const highest = positions.reduce((most, position) => Math.max(most, position), 0);
    const tables = this.upTo(Math.max(highest + 1, length));
    return { ...tables, half: this.settings.inverseFrequencies.length };
  }

  /** Tables [positions, rotated / 2] of at least `positions` positions; grows by doubling. */
  upTo(positions: number): { readonly positions: number; readonly cos: Float32Array; readonly sin: Float32Array } {
    if (positions > this.#positions) this.#fill(Math.max(256, 2 ** Math.ceil(Math.log2(positions))));
    return { positions: this.#positions, cos: this.#cos, sin: this.#sin };
  }

  /** Angles are rounded to f32 before cos and sin, as transformers does: models were trained with it. */
  #fill(positions: number): void {
    const { inverseFrequencies, attentionFactor } = this.settings;
    const half = inverseFrequencies.length;
    this.#positions = positions;
    this.#cos = new Float32Array(positions * half);
    this.#sin = new Float32Array(positions * half);
    for (let position = 0; position < positions; position++) {
      inverseFrequencies.forEach((frequency, i) => {
        const angle = Math.fround(position * frequency);
        this.#cos[position * half + i] = Math.cos(angle) * attentionFactor;
        this.#sin[position * half + i] = Math.sin(angle) * attentionFactor;
      });
    }
  }
}
