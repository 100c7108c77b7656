/** Which worker gets which shards: contiguous ranges in proportion to measured speed. Pure. */
import { runsOf } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";
import type { WorkerId } from "./types.js";

export interface Capacity {
  readonly worker: WorkerId;
  /** Shards a second; any positive number where it is not known yet. */
  readonly speed: number;
  /** Shards that it holds and has not finished. */
  readonly outstanding: number;
}

export interface Range {
  readonly worker: WorkerId;
  readonly first: ShardIndex;
  readonly count: number;
}

/**
 * Splits `total` whole items in proportion to `weights`, largest remainders first (earlier ones on a tie).
 * The parts add up to `total`.
 */
export function proportionalParts(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map((weight) => (sum > 0 ? (total * weight) / sum : total / weights.length));
  const parts = exact.map(Math.floor);
  let left = total - parts.reduce((a, b) => a + b, 0);
  const byRemainder = exact.map((value, index) => ({ index, remainder: value - Math.floor(value) }));
  byRemainder.sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder) {
    if (left === 0) break;
    parts[index] = (parts[index] ?? 0) + 1;
    left--;
  }
  return parts;
}

/**
 * Hands all of `shards` (ascending) to `workers` so that, with what each one still has to do, they end together.
 * A worker's part is contiguous but for gaps in `shards` itself. Empty when there is no worker.
 */
export function planRanges(shards: readonly ShardIndex[], workers: readonly Capacity[]): Range[] {
  const first = workers[0];
  if (first === undefined || shards.length === 0) return [];
  const shares = sharesOf(shards.length, workers);
  const ranges: Range[] = [];
  let at = 0;
  workers.forEach(({ worker }, index) => {
    const share = shares[index] ?? 0;
    for (const run of runsOf(shards.slice(at, at + share))) ranges.push({ worker, ...run });
    at += share;
  });
  return ranges;
}

/**
 * Parts of `count` new shards: everyone's fair share of all the work, less what it already has. Those who have more
 * than that get nothing and are left out of the sharing.
 */
function sharesOf(count: number, workers: readonly Capacity[]): number[] {
  let sharing = workers.map((_, index) => index);
  for (;;) {
    const work = count + sum(sharing.map((index) => workers[index]?.outstanding ?? 0));
    const speeds = sum(sharing.map((index) => workers[index]?.speed ?? 0));
    const wanted = sharing.map((index) => {
      const { speed, outstanding } = workers[index] ?? { speed: 0, outstanding: 0 };
      return (work * speed) / speeds - outstanding;
    });
    const rest = sharing.filter((_, position) => (wanted[position] ?? 0) > 0);
    if (rest.length === sharing.length || rest.length === 0) {
      const parts = proportionalParts(
        count,
        wanted.map((value) => Math.max(0, value)),
      );
      const shares = new Array<number>(workers.length).fill(0);
      sharing.forEach((index, position) => (shares[index] = parts[position] ?? 0));
      return shares;
    }
    sharing = rest;
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
