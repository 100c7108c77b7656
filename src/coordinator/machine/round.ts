/**
 * One pass over the shards of a step (or of the evaluation set): the leases and the progress of every shard.
 *
 * A shard goes unleased -> leased -> computed -> announced (as part of a node of the reduction tree) -> held, and back
 * to unleased when every worker that had it is gone. Several workers may have the same shard concurrently: the first
 * sum that contains it counts, and all sums are bit-identical.
 */
import { isNode } from "../../collective/index.js";
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex, StepNumber } from "../../ids.js";
import { shardIndex } from "../../ids.js";
import type { ShardResult, Task, WorkerId } from "./types.js";

export interface Announcement {
  readonly worker: WorkerId;
  readonly node: TreeNode;
  /** Of the sum, by slice. */
  readonly checksums: readonly number[];
}

interface Shard {
  /** Workers with a current lease on the shard, in the order of their leases. */
  lessees: WorkerId[];
  /** Every worker that the shard was ever leased to. */
  readonly leased: Set<WorkerId>;
  /** Results by worker, including those of workers whose lease was revoked in the meantime. */
  readonly results: Map<WorkerId, ShardResult>;
  /** Number of announcements that contain the shard. */
  announced: number;
  held: boolean;
  /** The result that counts. */
  result: ShardResult | undefined;
  /** The shard was taken from a worker before. */
  lost: boolean;
}

const keyOf = (worker: WorkerId, { first, count }: TreeNode): string => `${first}:${count}:${worker}`;

export class Round {
  readonly #shards: Shard[];
  readonly #announcements = new Map<string, Announcement>();
  /** Shards that each worker still has to compute, in the order of computation. */
  readonly #queues = new Map<WorkerId, ShardIndex[]>();
  #held = 0;
  #unleased: number;
  #unannounced: number;
  /** When all shards were received; nothing is accepted from then on (the machine's clock, ms). */
  closedAt: number | undefined;

  constructor(
    readonly task: Task,
    readonly step: StepNumber,
    shards: number,
    /** The machine's clock, ms. */
    readonly startedAt: number,
    /** Where the slices begin whose checksums are announced with a sum; empty: one slice, the whole. */
    readonly slices: readonly number[] = [],
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

  /** Number of held shards. */
  get held(): number {
    return this.#held;
  }

  /** Every shard is held. */
  get complete(): boolean {
    return this.#held === this.#shards.length;
  }

  /** Every shard is in an announced sum of a worker that is still connected. */
  get announced(): boolean {
    return this.#unannounced === 0;
  }

  get announcements(): readonly Announcement[] {
    return [...this.#announcements.values()];
  }

  /** A worker's announcement of a node's sum. */
  announcement(worker: WorkerId, node: TreeNode): Announcement | undefined {
    return this.#announcements.get(keyOf(worker, node));
  }

  /** Whether a worker announces a node's sum. */
  announcedBy(worker: WorkerId, node: TreeNode): boolean {
    return this.#announcements.has(keyOf(worker, node));
  }

  /**
   * What a worker may deliver: a sum that it announces, or one whose shards were all leased to it, after announcing it.
   * Undefined: neither, or the round is closed.
   */
  standing(worker: WorkerId, node: TreeNode): "announced" | "leased" | undefined {
    if (this.closed || !isNode(node, this.size)) return undefined;
    if (this.announcedBy(worker, node)) return "announced";
    return this.#slots(node).every(({ leased }) => leased.has(worker)) ? "leased" : undefined;
  }

  get hasUnleased(): boolean {
    return this.#unleased > 0;
  }

  /** Shards that no worker has. */
  unleased(): ShardIndex[] {
    if (this.#unleased === 0) return [];
    const found: ShardIndex[] = [];
    this.#shards.forEach((shard, index) => {
      if (isUnleased(shard)) found.push(shardIndex(index));
    });
    return found;
  }

  /** Shards that a worker still has to compute; the first one may have begun. */
  queue(worker: WorkerId): readonly ShardIndex[] {
    return this.#queues.get(worker) ?? [];
  }

  /** Shards that a worker has not announced: to be computed, or computed and waiting for the rest of their node. */
  leased(worker: WorkerId): ShardIndex[] {
    const found: ShardIndex[] = [];
    this.#shards.forEach((shard, index) => {
      if (shard.lessees.includes(worker)) found.push(shardIndex(index));
    });
    return found;
  }

  /** Number of shards that a worker has computed, whether or not their sums were received. */
  computed(worker: WorkerId): number {
    return this.#shards.reduce((count, { results }) => count + Number(results.has(worker)), 0);
  }

  /** Whether exactly one worker has a lease on the shard, and the shard is not announced yet. */
  alone(shard: ShardIndex): boolean {
    const slot = this.#shards[shard];
    return slot?.lessees.length === 1 && isUnannounced(slot) && !slot.held;
  }

  /** Whether the round would lose leases, or sums that are not held, if the worker left. */
  dependsOn(worker: WorkerId): boolean {
    if (this.leased(worker).length > 0) return true;
    return [...this.#announcements.values()].some(
      (announcement) => announcement.worker === worker && !this.#slots(announcement.node).every(({ held }) => held),
    );
  }

  /** @returns whether any of the shards was taken from a worker before */
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

  /** Ends a worker's leases on shards: the reverse of `lease`. `lost` marks them as taken from a late worker. */
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

  /** Records a worker's result; returns false for a shard that it never had or has already reported. */
  compute(worker: WorkerId, result: ShardResult): boolean {
    const shard = this.#shards[result.shard];
    if (this.closed || shard?.leased.has(worker) !== true || shard.results.has(worker)) return false;
    shard.results.set(worker, result);
    const queue = this.#queues.get(worker);
    const at = queue?.indexOf(result.shard) ?? -1;
    if (at >= 0) queue?.splice(at, 1);
    return true;
  }

  /** A worker's result of a shard, if it has computed it. */
  resultOf(worker: WorkerId, shard: ShardIndex): ShardResult | undefined {
    return this.#shards[shard]?.results.get(worker);
  }

  /** Holds a shard's result without a gradient, as an evaluation needs. */
  holdResult(result: ShardResult): void {
    const shard = this.#shards[result.shard];
    if (shard === undefined || shard.held) return;
    shard.result = result;
    this.#change(shard, () => (shard.held = true));
  }

  /**
   * Records a worker's announcement that a node's sum is ready.
   * @returns false if the round is closed, the announcement is repeated, the tree has no such node, the worker has not
   *   computed all its shards, all of them are already announced or held, or there is not one checksum per slice
   */
  announce(worker: WorkerId, node: TreeNode, checksums: readonly number[]): boolean {
    const key = keyOf(worker, node);
    if (this.closed || this.#announcements.has(key) || !isNode(node, this.size)) return false;
    if (checksums.length !== Math.max(1, this.slices.length)) return false;
    const slots = this.#slots(node);
    if (!slots.every(({ results }) => results.has(worker))) return false;
    if (slots.every(({ held, announced }) => held || announced > 0)) return false;
    this.#announcements.set(key, { worker, node, checksums });
    for (const shard of slots) {
      shard.result = shard.results.get(worker);
      this.#change(shard, () => {
        shard.announced++;
        shard.lessees = shard.lessees.filter((lessee) => lessee !== worker);
      });
    }
    return true;
  }

  /** Records a received gradient; returns false if this worker did not announce it or all its shards are held. */
  hold(worker: WorkerId, node: TreeNode): boolean {
    if (this.closed || !this.announcedBy(worker, node)) return false;
    const fresh = this.#slots(node).filter(({ held }) => !held);
    for (const shard of fresh) {
      // Of the worker whose gradient counts: another one may have announced the shard since, and be wrong.
      shard.result = shard.results.get(worker) ?? shard.result;
      this.#change(shard, () => (shard.held = true));
    }
    return fresh.length > 0;
  }

  /**
   * Removes an announcement whose sum cannot be fetched.
   * @returns how many shards became unleased; undefined if there was no such announcement
   */
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

  /** Removes a worker's leases, results and announcements. @returns how many shards became unleased */
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

  /** Sums over all shards in shard order: bit-identical for any assignment of shards to workers. */
  totals(): { lossSum: number; supervisedTokens: number } {
    let lossSum = 0;
    let supervisedTokens = 0;
    for (const { result } of this.#shards) {
      lossSum += result?.lossSum ?? 0;
      supervisedTokens += result?.supervisedTokens ?? 0;
    }
    return { lossSum, supervisedTokens };
  }

  /** What was generated, by shard. */
  generated(): readonly (readonly Int32Array[])[] {
    return this.#shards.map(({ result }) => result?.generated ?? []);
  }

  /** Changes a shard and updates the counts. */
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
