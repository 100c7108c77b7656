/** Which worker gets which shards: contiguous ranges in proportion to measured speed. Pure. */
import { runsOf } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";
import type { WorkerId } from "./types.js";

export interface Capacity {
  readonly worker: WorkerId;
  /** Shards per second; any positive number while unknown. */
  readonly speed: number;
  /** Shards that are leased to the worker and not finished. */
  readonly outstanding: number;
}

export interface Range {
  readonly worker: WorkerId;
  readonly first: ShardIndex;
  readonly count: number;
}

/**
 * Splits `total` items into whole parts in proportion to `weights` by the largest-remainder method; on a tie, the
 * earlier part gets the item. The parts add up to `total`.
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
 * Distributes all `shards` (ascending) over `workers` so that all finish at the same time, including their outstanding
 * work. A worker's part is contiguous except for gaps in `shards`. Empty if there is no worker.
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
 * Splits `count` new shards: each worker gets its fair share of all work minus what it already has. Workers that have
 * more than their fair share get nothing and are excluded from the split.
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
