/** The work of one lease: which of its shards are still needed, and which sums to deliver when. Pure. */
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";
import type { LeaseOutput, RevokeOutput } from "../../rpc/index.js";
import { LeasePlan } from "./lease-plan.js";
import type { EventOf, Task } from "./types.js";

/**
 * How long computed sums wait for the rest of their node, ms: at most this much work is lost with a worker. Each delivery
 * costs the reducer 3 ms plus the time at 200 MB/s; early deliveries may take a twentieth of its time.
 * @param bytes size of a delivery
 * @param workers number of workers that deliver
 */
const deliveryInterval = (bytes: number, workers: number): number => workers * 20 * (3 + bytes / 200_000);

export class LeasedWork {
  readonly task: Task;
  readonly lease: LeaseOutput;
  readonly #plan: LeasePlan;
  #deliveredAt = 0;
  /** The shard that is being computed. */
  #shard: ShardIndex | undefined;

  constructor({ task, lease }: EventOf<"lease">) {
    this.task = task;
    this.lease = lease;
    this.#plan = new LeasePlan(lease.first, lease.shards.length, lease.roundShards);
  }

  /** The step whose parameters it is computed with. */
  get parameters(): number {
    return this.#trains ? this.lease.step - 1 : this.lease.step;
  }

  /** Revokes shards that are not begun. */
  revoke({ task, step, first, count }: RevokeOutput): void {
    if (this.lease.task === task && this.lease.step === step) this.#plan.revoke(first, count);
  }

  begin(now: number): void {
    this.#deliveredAt = now;
  }

  /**
   * The shard to compute next; undefined when there is none.
   * @param final the newest step that is known to be final
   */
  next(final: number): ShardIndex | undefined {
    this.#shard = this.#isFinal(final) ? undefined : this.#plan.begin();
    return this.#shard;
  }

  /**
   * The shard is computed.
   * @param contributionBytes bytes of one delivery
   * @returns which shard, and the sums to deliver now
   */
  computed(
    contributionBytes: number,
    now: number,
  ): { readonly shard: ShardIndex; readonly nodes: readonly TreeNode[] } | undefined {
    const shard = this.#shard;
    if (shard === undefined) return undefined;
    this.#plan.computed(shard);
    if (!this.#trains) return { shard, nodes: [] };
    const workers = this.lease.roundShards / this.lease.shards.length;
    const overdue = now - this.#deliveredAt > deliveryInterval(contributionBytes, workers);
    const nodes = this.#deliver(overdue ? this.#plan.nodesNow() : this.#plan.nodes());
    if (nodes.length > 0) this.#deliveredAt = now;
    return { shard, nodes };
  }

  /** The sums to deliver when nothing more is computed: a node may have waited only for shards that were revoked. */
  rest(final: number): readonly TreeNode[] {
    return !this.#trains || this.#isFinal(final) ? [] : this.#deliver(this.#plan.nodesNow());
  }

  get #trains(): boolean {
    return this.task === "train";
  }

  /** An evaluation is over when the step after it is final. */
  #isFinal(final: number): boolean {
    return this.#trains ? this.lease.step <= final : this.lease.step < final;
  }

  #deliver(nodes: readonly TreeNode[]): readonly TreeNode[] {
    for (const node of nodes) this.#plan.delivered(node);
    return nodes;
  }
}
