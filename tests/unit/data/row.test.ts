/** Without this, an example attends to its neighbour in a packed row, or padding is trained on. */
import { describe, expect, it } from "vitest";
import { collate, IGNORE, supervisedTokens, type Row } from "../../../src/data/index.js";

const row = (ids: number[], labels: number[], segments: number[]): Row => ({
  inputIds: Int32Array.from(ids),
  labels: Int32Array.from(labels),
  segments,
});
const _ = IGNORE;

describe("the tokens of a row's loss", () => {
  it("are the supervised ones, without the first of each example", () => {
    expect(supervisedTokens(row([1, 2, 3], [1, 2, 3], [3]))).toBe(2);
    expect(supervisedTokens(row([1, 2, 3], [_, _, 3], [3]))).toBe(1);
    expect(supervisedTokens(row([1, 2, 3, 4, 5], [1, 2, 3, _, 5], [2, 3]))).toBe(2);
    expect(supervisedTokens(row([1, 2], [1, _], [2]))).toBe(0);
    expect(supervisedTokens(row([1], [1], [1]))).toBe(0);
  });
});

describe("a batch", () => {
  it("shifts labels within each example, restarts positions, and separates padding", () => {
    const batch = collate([row([5, 6, 7, 8, 9], [_, 6, 7, 8, 9], [2, 3]), row([3, 4], [3, 4], [2])], 4);
    expect({ rows: batch.rows, length: batch.length }).toEqual({ rows: 2, length: 8 });
    expect(Array.from(batch.inputIds)).toEqual([5, 6, 7, 8, 9, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0]);
    expect(Array.from(batch.targets)).toEqual([6, _, 8, 9, _, _, _, _, 4, _, _, _, _, _, _, _]);
    expect(Array.from(batch.positions)).toEqual([0, 1, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(Array.from(batch.segments)).toEqual([0, 0, 1, 1, 1, -1, -1, -1, 0, 0, -1, -1, -1, -1, -1, -1]);
  });

  it("has one target per supervised token of its rows", () => {
    const rows = [row([1, 2, 3, 4], [1, _, 3, 4], [1, 3]), row([1, 2, 3], [_, _, 3], [3])];
    const targets = collate(rows).targets.filter((target) => target !== IGNORE).length;
    expect(targets).toBe(rows.reduce((sum, one) => sum + supervisedTokens(one), 0));
    expect(targets).toBe(3);
  });

  it("is padded to a multiple of 8, and not further", () => {
    const ids = Array.from({ length: 8 }, (_unused, index) => index);
    expect(collate([row(ids, ids, [8])]).length).toBe(8);
    expect(collate([row([...ids, 8], [...ids, 8], [9])]).length).toBe(16);
  });
});
