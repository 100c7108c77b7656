/** Without this, packed rows lose or double examples, or half of each batch is padding. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packExamples } from "../../../src/data/index.js";

function pack(lengths: readonly number[], capacity: number): number[][] {
  const { members, rowStarts } = packExamples(Int32Array.from(lengths), capacity);
  return Array.from({ length: rowStarts.length - 1 }, (_, row) =>
    Array.from(members.subarray(rowStarts[row], rowStarts[row + 1])),
  );
}

describe("packing", () => {
  it("fills the tightest row that fits the example (worked by hand)", () => {
    // Decreasing: 7 (1), 6 (4), 4 (0), 4 (5), 3 (2), 2 (3), 1 (6) into rows of 10.
    // 7 opens A; 6 opens B; 4 fills B; 4 opens C; 3 fills A (3 left) rather than C (6 left); 2 and 1 go to C.
    // Rows in the order of their first example: B, A, C.
    expect(pack([4, 7, 3, 2, 6, 4, 1], 10)).toEqual([
      [0, 4],
      [1, 2],
      [3, 5, 6],
    ]);
  });

  it("puts an example that fits nowhere else in a new row", () => {
    expect(pack([10, 10, 9], 10)).toEqual([[0], [1], [2]]);
    expect(pack([1], 2)).toEqual([[0]]);
    expect(pack([], 8)).toEqual([]);
  });

  const problem = fc.integer({ min: 2, max: 40 }).chain((capacity) =>
    fc.record({
      capacity: fc.constant(capacity),
      lengths: fc.array(fc.integer({ min: 1, max: capacity }), { minLength: 1, maxLength: 200 }),
    }),
  );
  const sum = (row: readonly number[], lengths: readonly number[]): number =>
    row.reduce((total, example) => total + lengths[example]!, 0);

  it("uses every example exactly once, unsplit, with no row too long", () => {
    fc.assert(
      fc.property(problem, ({ lengths, capacity }) => {
        const rows = pack(lengths, capacity);
        expect(rows.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, example) => example));
        for (const row of rows) expect(sum(row, lengths)).toBeLessThanOrEqual(capacity);
      }),
    );
  });

  it("gives exactly the rows of a plain best-fit decreasing", () => {
    fc.assert(
      fc.property(problem, ({ lengths, capacity }) => {
        expect(pack(lengths, capacity)).toEqual(plainBestFit(lengths, capacity));
      }),
    );
  });

  it("needs under 2 % of padding for chats of mixed length", () => {
    let state = 1;
    const lengths = Array.from({ length: 5000 }, () => {
      state = (state * 48271) % 0x7fffffff;
      return 20 + (state % 600);
    });
    const rows = pack(lengths, 1024);
    const used = lengths.reduce((total, length) => total + length, 0) / (rows.length * 1024);
    expect(used).toBeGreaterThan(0.98);
  });
});

/** The textbook algorithm, searching all open rows; rows of equal space oldest (in that space) first. */
function plainBestFit(lengths: readonly number[], capacity: number): number[][] {
  const order = lengths.map((_, example) => example).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const open: { members: number[]; space: number; since: number }[] = [];
  order.forEach((example, turn) => {
    const length = lengths[example]!;
    const fitting = open.filter((row) => row.space >= length);
    fitting.sort((a, b) => a.space - b.space || a.since - b.since);
    const row = fitting[0] ?? { members: [], space: capacity, since: 0 };
    if (fitting.length === 0) open.push(row);
    row.members.push(example);
    row.space -= length;
    row.since = turn;
  });
  const rows = open.map(({ members }) => members.sort((a, b) => a - b));
  return rows.sort((a, b) => a[0]! - b[0]!);
}
