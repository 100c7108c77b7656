/** Who sees whom, as what is added to attention scores. Pure. */
import type { ModelSpec } from "../families/index.js";

/** Below any score by so much that its exponential is 0, and finite: a row that sees nothing must not become NaN. */
const masked = -1e30;

/** The layers' windows. */
export const windowsOf = ({ layers }: Pick<ModelSpec, "layers">): (number | null)[] =>
  layers.map(({ window }) => window);

/** Some queries of a row and the keys that any of them may see: first place and how many. */
export interface BlockRange {
  readonly firstQuery: number;
  readonly queries: number;
  readonly firstKey: number;
  readonly keys: number;
}

/** Equal blocks of consecutive places; a block's keys go from where its first query's window begins to its end. */
export function blockRanges(length: number, blocks: number, window: number | null): BlockRange[] {
  const queries = length / blocks;
  return Array.from({ length: blocks }, (_, block) => {
    const firstQuery = block * queries;
    const firstKey = window === null ? 0 : Math.max(0, firstQuery - window + 1);
    return { firstQuery, queries, firstKey, keys: firstQuery + queries - firstKey };
  });
}

/**
 * Causal, within each example, within the window.
 * @param segments number of each token's example within its row, [rows, length]; padding is one of its own
 * @returns [rows, queries, keys]
 */
export function batchMask(
  segments: Int32Array,
  rows: number,
  { firstQuery, queries, firstKey, keys }: BlockRange,
  window: number | null,
): Float32Array {
  const length = segments.length / rows;
  const mask = new Float32Array(rows * queries * keys).fill(masked);
  let at = 0;
  for (let row = 0; row < rows * length; row += length) {
    for (let query = firstQuery; query < firstQuery + queries; query++, at += keys) {
      const first = window === null ? firstKey : Math.max(firstKey, query - window + 1);
      for (let key = first; key <= query; key++) {
        if (segments[row + key] === segments[row + query]) mask[at + key - firstKey] = 0;
      }
    }
  }
  return mask;
}

/** New tokens of a generated sequence and all of its places; positions grow from place to place within a row. */
export interface CachePlaces {
  /** Position of each new token, [rows, length]. */
  readonly positions: Int32Array;
  /** All places so far, the new ones included. */
  readonly places: number;
  readonly placePositions: Int32Array;
  /** 1 for a token, 0 for padding, [rows, places]. */
  readonly placeValid: Uint8Array;
}

/** @returns [rows, length, places] */
export function cacheMask(fed: CachePlaces, rows: number, window: number | null): Float32Array {
  const { positions, places, placePositions, placeValid } = fed;
  const length = positions.length / rows;
  const mask = new Float32Array(rows * length * places).fill(masked);
  positions.forEach((position, query) => {
    const row = Math.floor(query / length) * places;
    for (let place = 0; place < places; place++) {
      const distance = position - (placePositions[row + place] ?? 0);
      const visible = placeValid[row + place] === 1 && distance >= 0 && (window === null || distance < window);
      if (visible) mask[query * places + place] = 0;
    }
  });
  return mask;
}
