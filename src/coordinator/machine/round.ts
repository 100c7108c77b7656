/**
 * One pass over the shards of a step (or of the evaluation set): who holds which shard, and how far it has come.
 * A shard goes unleased -> leased -> announced -> held, and back to unleased when its worker is gone.
 */
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex, StepNumber } from "../../ids.js";
import { shardIndex } from "../../ids.js";
import type { ShardResult, Task, WorkerId } from "./types.js";

type ShardState =
  | { readonly state: "unleased"; readonly lost: boolean }
  | { readonly state: "leased"; readonly worker: WorkerId }
  | { readonly state: "announced"; readonly worker: WorkerId; readonly node: TreeNode; readonly result: ShardResult }
  | { readonly state: "held"; readonly result: ShardResult };

export class Round {
  readonly #shards: ShardState[];
  #held = 0;
  /** When all shards were here and nothing more was accepted (the machine's clock, ms). */
  closedAt: number | undefined;

  constructor(
    readonly task: Task,
    readonly step: StepNumber,
    shards: number,
    /** The machine's clock, ms. */
    readonly startedAt: number,
  ) {
    this.#shards = Array.from({ length: shards }, () => ({ state: "unleased", lost: false }));
  }

  get size(): number {
    return this.#shards.length;
  }

  get closed(): boolean {
    return this.closedAt !== undefined;
  }

  get complete(): boolean {
    return this.#held === this.#shards.length;
  }

  unleased(): ShardIndex[] {
    const found: ShardIndex[] = [];
    this.#shards.forEach((shard, index) => {
      if (shard.state === "unleased") found.push(shardIndex(index));
    });
    return found;
  }

  /** Shards that a worker holds and has not announced. */
  outstanding(worker: WorkerId): number {
    return this.#shards.filter((shard) => shard.state === "leased" && shard.worker === worker).length;
  }

  /** @returns whether any of them was lost by a worker before */
  lease(worker: WorkerId, first: ShardIndex, count: number): boolean {
    let again = false;
    for (let index = first as number; index < first + count; index++) {
      const shard = this.#shards[index];
      if (shard?.state === "unleased" && shard.lost) again = true;
      this.#shards[index] = { state: "leased", worker };
    }
    return again;
  }

  /** Takes a worker's word that a node is computed; false when it does not hold all of it, or the results don't fit. */
  announce(worker: WorkerId, node: TreeNode, results: readonly ShardResult[]): boolean {
    const mine = this.#slots(node).every((shard) => shard?.state === "leased" && shard.worker === worker);
    if (this.closed || !mine || results.length !== node.count) return false;
    if (!results.every((result, index) => result.shard === node.first + index)) return false;
    for (const result of results) this.#shards[result.shard] = { state: "announced", worker, node, result };
    return true;
  }

  /** Its gradient is here (or is not needed); false when that is not what was announced by this worker. */
  hold(worker: WorkerId, node: TreeNode): boolean {
    if (this.closed || !this.#announcedBy(worker, node)) return false;
    for (let index = node.first; index < node.first + node.count; index++) {
      const shard = this.#shards[index];
      if (shard?.state === "announced") this.#shards[index] = { state: "held", result: shard.result };
    }
    this.#held += node.count;
    return true;
  }

  /** Puts an announced node back; false when it was not. */
  giveBack(worker: WorkerId, node: TreeNode): boolean {
    if (!this.#announcedBy(worker, node)) return false;
    for (let index = node.first; index < node.first + node.count; index++)
      this.#shards[index] = { state: "unleased", lost: true };
    return true;
  }

  /** Puts back everything that a worker has not delivered; says how many shards that were. */
  release(worker: WorkerId): number {
    let released = 0;
    this.#shards.forEach((shard, index) => {
      if ((shard.state === "leased" || shard.state === "announced") && shard.worker === worker) {
        this.#shards[index] = { state: "unleased", lost: true };
        released++;
      }
    });
    return released;
  }

  /** Sums over all shards in shard order: the same bits however they were leased. */
  totals(): { lossSum: number; supervisedTokens: number } {
    let lossSum = 0;
    let supervisedTokens = 0;
    for (const shard of this.#shards) {
      if (shard.state !== "held") continue;
      lossSum += shard.result.lossSum;
      supervisedTokens += shard.result.supervisedTokens;
    }
    return { lossSum, supervisedTokens };
  }

  #slots(node: TreeNode): (ShardState | undefined)[] {
    return Array.from({ length: node.count }, (_, index) => this.#shards[node.first + index]);
  }

  #announcedBy(worker: WorkerId, node: TreeNode): boolean {
    return this.#slots(node).every(
      (shard) =>
        shard?.state === "announced" &&
        shard.worker === worker &&
        shard.node.first === node.first &&
        shard.node.count === node.count,
    );
  }
}
