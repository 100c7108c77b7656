/**
 * Tracks which shards of a lease are still to be computed, and in which nodes of the reduction tree their sums are
 * delivered. Shards may be revoked until they are begun; shards that are delivered early are not part of later nodes. Pure.
 */
import { cover, runsOf, shardsOf } from "../../collective/index.js";
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";

type Progress = "waiting" | "begun" | "computed";

export class LeasePlan {
  readonly #roundShards: number;
  /** Shards that are neither revoked nor delivered, ascending. */
  readonly #open = new Map<ShardIndex, Progress>();

  constructor(first: number, count: number, roundShards: number) {
    this.#roundShards = roundShards;
    for (const shard of shardsOf({ first, count })) this.#open.set(shard, "waiting");
  }

  /** The next shard to compute, which counts as begun; undefined when there is none. */
  begin(): ShardIndex | undefined {
    for (const [shard, progress] of this.#open) {
      if (progress !== "waiting") continue;
      this.#open.set(shard, "begun");
      return shard;
    }
    return undefined;
  }

  computed(shard: ShardIndex): void {
    if (this.#open.has(shard)) this.#open.set(shard, "computed");
  }

  /** Revokes shards that are not begun. */
  revoke(first: number, count: number): void {
    for (const [shard, progress] of this.#open)
      if (progress === "waiting" && first <= shard && shard < first + count) this.#open.delete(shard);
  }

  /** The fewest nodes that deliver computed shards without waiting for others. */
  nodes(): TreeNode[] {
    return this.#cover(() => true).filter((node) => this.#isComputed(node));
  }

  /** The fewest nodes that deliver all computed shards. */
  nodesNow(): TreeNode[] {
    return this.#cover((progress) => progress === "computed");
  }

  delivered(node: TreeNode): void {
    for (const shard of shardsOf(node)) this.#open.delete(shard);
  }

  #isComputed(node: TreeNode): boolean {
    return shardsOf(node).every((shard) => this.#open.get(shard) === "computed");
  }

  #cover(counts: (progress: Progress) => boolean): TreeNode[] {
    const shards = [...this.#open].filter(([, progress]) => counts(progress)).map(([shard]) => shard);
    return runsOf(shards).flatMap(({ first, count }) => cover(first, count, this.#roundShards));
  }
}
