/**
 * One pass over the shards of a step (or of the evaluation set): who is to compute which shard, and how far it has come.
 *
 * A shard goes unleased -> leased -> computed -> announced (as part of a node of the reduction tree) -> held, and back to
 * unleased when everyone who had it is gone. Several workers may have the same shard at once: the first sum that holds
 * it counts, and all are the same bits.
 */
import { isNode } from "../../collective/index.js";
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex, StepNumber } from "../../ids.js";
import { shardIndex } from "../../ids.js";
import type { ShardResult, Task, WorkerId } from "./types.js";

export interface Announcement {
  readonly worker: WorkerId;
  readonly node: TreeNode;
}

interface Shard {
  /** Those who are to compute it, in the order of their leases. */
  lessees: WorkerId[];
  /** Everyone it was leased to. */
  readonly leased: Set<WorkerId>;
  /** What those have computed who did; also of workers whose lease was revoked meanwhile. */
  readonly results: Map<WorkerId, ShardResult>;
  /** How many announcements hold it. */
  announced: number;
  held: boolean;
  /** What counts. */
  result: ShardResult | undefined;
  /** It was taken from a worker before. */
  lost: boolean;
}

const keyOf = (worker: WorkerId, { first, count }: TreeNode): string => `${first}:${count}:${worker}`;

export class Round {
  readonly #shards: Shard[];
  readonly #announcements = new Map<string, Announcement>();
  /** What each worker has to compute still, in the order in which it will. */
  readonly #queues = new Map<WorkerId, ShardIndex[]>();
  #held = 0;
  #unleased: number;
  #unannounced: number;
  /** When all shards were here and nothing more was accepted (the machine's clock, ms). */
  closedAt: number | undefined;

  constructor(
    readonly task: Task,
    readonly step: StepNumber,
    shards: number,
    /** The machine's clock, ms. */
    readonly startedAt: number,
  ) {
    this.#unleased = shards;
    this.#unannounced = shards;
    this.#shards = Array.from({ length: shards }, () => ({
      lessees: [],
      leased: new Set<WorkerId>(),
      results: new Map<WorkerId, ShardResult>(),
      announced: 0,
      held: false,
      result: undefined,
      lost: false,
    }));
  }

  get size(): number {
    return this.#shards.length;
  }

  get closed(): boolean {
    return this.closedAt !== undefined;
  }

  /** Shards that are held. */
  get held(): number {
    return this.#held;
  }

  /** Every shard is held. */
  get complete(): boolean {
    return this.#held === this.#shards.length;
  }

  /** Every shard is in the sum of a worker that is still there. */
  get announced(): boolean {
    return this.#unannounced === 0;
  }

  get announcements(): readonly Announcement[] {
    return [...this.#announcements.values()];
  }

  /** Whether a node's sum is to be had from a worker. */
  announcedBy(worker: WorkerId, node: TreeNode): boolean {
    return this.#announcements.has(keyOf(worker, node));
  }

  get hasUnleased(): boolean {
    return this.#unleased > 0;
  }

  /** Shards that nobody has. */
  unleased(): ShardIndex[] {
    if (this.#unleased === 0) return [];
    const found: ShardIndex[] = [];
    this.#shards.forEach((shard, index) => {
      if (isUnleased(shard)) found.push(shardIndex(index));
    });
    return found;
  }

  /** What a worker has to compute still, the first of it perhaps begun. */
  queue(worker: WorkerId): readonly ShardIndex[] {
    return this.#queues.get(worker) ?? [];
  }

  /** What a worker has and has not announced: to be computed, or computed and waiting for the rest of its node. */
  leased(worker: WorkerId): ShardIndex[] {
    const found: ShardIndex[] = [];
    this.#shards.forEach((shard, index) => {
      if (shard.lessees.includes(worker)) found.push(shardIndex(index));
    });
    return found;
  }

  /** How many shards a worker has computed, whether their sums are here or not. */
  computed(worker: WorkerId): number {
    return this.#shards.reduce((count, { results }) => count + Number(results.has(worker)), 0);
  }

  /** Whether nobody but this one is to compute a shard that is not announced yet. */
  alone(shard: ShardIndex): boolean {
    const slot = this.#shards[shard];
    return slot?.lessees.length === 1 && isUnannounced(slot) && !slot.held;
  }

  /** Whether the round would lose something if the worker went: leases, or sums that are not held. */
  dependsOn(worker: WorkerId): boolean {
    if (this.leased(worker).length > 0) return true;
    return [...this.#announcements.values()].some(
      (announcement) => announcement.worker === worker && !this.#slots(announcement.node).every(({ held }) => held),
    );
  }

  /** @returns whether any of them was taken from a worker before */
  lease(worker: WorkerId, first: ShardIndex, count: number): boolean {
    const queue = this.#queues.get(worker) ?? [];
    this.#queues.set(worker, queue);
    let again = false;
    for (let index = first as number; index < first + count; index++) {
      const shard = this.#shards[index];
      if (shard === undefined || shard.lessees.includes(worker)) continue;
      again ||= shard.lost;
      shard.leased.add(worker);
      this.#change(shard, () => shard.lessees.push(worker));
      if (!shard.results.has(worker)) queue.push(shardIndex(index));
    }
    return again;
  }

  /** Takes shards off a worker's queue: the reverse of `lease`. `lost` marks them as taken from a late worker. */
  revoke(worker: WorkerId, shards: readonly ShardIndex[], lost: boolean): void {
    const queue = this.#queues.get(worker);
    if (queue !== undefined) {
      const revoked = new Set(shards);
      const rest = queue.filter((index) => !revoked.has(index));
      this.#queues.set(worker, rest);
    }
    for (const index of shards) {
      const shard = this.#shards[index];
      if (shard === undefined) continue;
      this.#change(shard, () => {
        shard.lessees = shard.lessees.filter((lessee) => lessee !== worker);
        shard.lost ||= lost;
      });
    }
  }

  /** Notes what a worker has computed; false for a shard that it never had, or has reported. */
  compute(worker: WorkerId, result: ShardResult): boolean {
    const shard = this.#shards[result.shard];
    if (this.closed || shard?.leased.has(worker) !== true || shard.results.has(worker)) return false;
    shard.results.set(worker, result);
    const queue = this.#queues.get(worker);
    const at = queue?.indexOf(result.shard) ?? -1;
    if (at >= 0) queue?.splice(at, 1);
    return true;
  }

  /** Holds a shard's result without a gradient: all that an evaluation needs. */
  holdResult(result: ShardResult): void {
    const shard = this.#shards[result.shard];
    if (shard === undefined || shard.held) return;
    shard.result = result;
    this.#change(shard, () => (shard.held = true));
  }

  /**
   * Takes a worker's word that a node's sum is ready.
   * @returns false where it is no node of the tree, where the worker has not computed all of it, or the node brings nothing that is not announced already
   */
  announce(worker: WorkerId, node: TreeNode): boolean {
    const key = keyOf(worker, node);
    if (this.closed || this.#announcements.has(key) || !isNode(node, this.size)) return false;
    const slots = this.#slots(node);
    if (!slots.every(({ results }) => results.has(worker))) return false;
    if (slots.every(({ held, announced }) => held || announced > 0)) return false;
    this.#announcements.set(key, { worker, node });
    for (const shard of slots) {
      shard.result = shard.results.get(worker);
      this.#change(shard, () => {
        shard.announced++;
        shard.lessees = shard.lessees.filter((lessee) => lessee !== worker);
      });
    }
    return true;
  }

  /** A node's gradient is here; false when it was not announced by this worker, or all of it was here before. */
  hold(worker: WorkerId, node: TreeNode): boolean {
    if (this.closed || !this.announcedBy(worker, node)) return false;
    const fresh = this.#slots(node).filter(({ held }) => !held);
    for (const shard of fresh) this.#change(shard, () => (shard.held = true));
    return fresh.length > 0;
  }

  /** Takes an announcement back: the sum cannot be had. Says how many shards nobody has now; undefined when there was none. */
  withdraw(worker: WorkerId, node: TreeNode): number | undefined {
    if (!this.#announcements.delete(keyOf(worker, node))) return undefined;
    const before = this.#unleased;
    for (const shard of this.#slots(node)) {
      shard.results.delete(worker);
      this.#change(shard, () => {
        shard.announced--;
        shard.lost = true;
      });
    }
    return this.#unleased - before;
  }

  /** Takes back everything that a worker had; says how many shards nobody has now. */
  release(worker: WorkerId): number {
    const before = this.#unleased;
    this.#queues.delete(worker);
    for (const announcement of this.#announcements.values())
      if (announcement.worker === worker) this.withdraw(worker, announcement.node);
    for (const shard of this.#shards) {
      shard.results.delete(worker);
      if (!shard.lessees.includes(worker)) continue;
      this.#change(shard, () => {
        shard.lessees = shard.lessees.filter((lessee) => lessee !== worker);
        shard.lost = true;
      });
    }
    return this.#unleased - before;
  }

  /** Sums over all shards in shard order: the same bits however they were leased. */
  totals(): { lossSum: number; supervisedTokens: number } {
    let lossSum = 0;
    let supervisedTokens = 0;
    for (const { result } of this.#shards) {
      lossSum += result?.lossSum ?? 0;
      supervisedTokens += result?.supervisedTokens ?? 0;
    }
    return { lossSum, supervisedTokens };
  }

  /** Changes a shard and keeps the counts right. */
  #change(shard: Shard, change: () => void): void {
    const before = { unleased: isUnleased(shard), unannounced: isUnannounced(shard), held: shard.held };
    change();
    this.#unleased += Number(isUnleased(shard)) - Number(before.unleased);
    this.#unannounced += Number(isUnannounced(shard)) - Number(before.unannounced);
    this.#held += Number(shard.held) - Number(before.held);
  }

  #slots({ first, count }: TreeNode): Shard[] {
    return this.#shards.slice(first, first + count);
  }
}

const isUnleased = ({ lessees, announced, held }: Shard): boolean => lessees.length === 0 && announced === 0 && !held;

const isUnannounced = ({ announced }: Shard): boolean => announced === 0;
