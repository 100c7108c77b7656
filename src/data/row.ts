/** A row: one sequence of a batch, consisting of one example or of several packed ones. */
export interface Row {
  /** Token ids, [length]. */
  readonly inputIds: Int32Array;
  /** The token's own id (not shifted), or `IGNORE` if it is not supervised, [length]. */
  readonly labels: Int32Array;
  /** Lengths of the examples in the row, in order, summing to `length`. One entry if not packed. */
  readonly segments: readonly number[];
}

/** The label of a token that is not supervised (the value that torch and transformers use). */
export const IGNORE = -100;

/**
 * Rows padded on the right to one length, ready for an engine. All arrays are [rows, length], row-major.
 * Labels are already shifted: `targets[t]` is the token that position t must predict.
 */
export interface Batch {
  readonly rows: number;
  readonly length: number;
  readonly inputIds: Int32Array;
  /** `labels[t + 1]` if t + 1 belongs to the same example, otherwise `IGNORE`. */
  readonly targets: Int32Array;
  /** Position within its example, from 0. */
  readonly positions: Int32Array;
  /** Index of the example within its row, from 0; -1 on padding. Attention never crosses examples. */
  readonly segments: Int32Array;
}

/** Supervised tokens of a row after the shift: its gradient is a sum over them. */
export function supervisedTokens(row: Row): number {
  let count = 0;
  let start = 0;
  for (const segment of row.segments) {
    for (let t = start + 1; t < start + segment; t++) if (row.labels[t] !== IGNORE) count++;
    start += segment;
  }
  return count;
}

/** Tokens per row of a batch whose longest row has `longest`. */
export const paddedLength = (longest: number, multiple = 8): number => Math.ceil(longest / multiple) * multiple;

/**
 * Pads rows to the longest of them, rounded up to a multiple of `multiple`. Depends on these rows alone, so a shard is
 * the same batch on every worker. Padding is token 0: it is in every vocabulary, and is neither attended to nor
 * supervised.
 */
export function collate(rows: readonly Row[], multiple?: number): Batch {
  const longest = rows.reduce((most, row) => Math.max(most, row.inputIds.length), 1);
  const length = paddedLength(longest, multiple);
  const size = rows.length * length;
  const inputIds = new Int32Array(size);
  const targets = new Int32Array(size).fill(IGNORE);
  const positions = new Int32Array(size);
  const segments = new Int32Array(size).fill(-1);
  rows.forEach((row, index) => {
    const base = index * length;
    inputIds.set(row.inputIds, base);
    let start = 0;
    row.segments.forEach((segment, number) => {
      for (let t = 0; t < segment; t++) {
        const at = base + start + t;
        positions[at] = t;
        segments[at] = number;
        if (t + 1 < segment) targets[at] = row.labels[start + t + 1] ?? IGNORE;
      }
      start += segment;
    });
  });
  return { rows: rows.length, length, inputIds, targets, positions, segments };
}
