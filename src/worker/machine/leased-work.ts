/** One lease on its way: which of its shards are still wanted, and which sums are handed out when. Pure. */
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";
import type { LeaseOutput, RevokeOutput } from "../../rpc/index.js";
import { LeasePlan } from "./lease-plan.js";
import type { EventOf, Task } from "./types.js";

/**
 * How long computed sums wait for the rest of their node, ms: so much work may be lost with a worker. Each delivery costs
 * whoever reduces 3 ms and what 200 MB/s would need, of which early ones may take a twentieth of the time.
 * @param bytes of a delivery
 * @param workers who deliver
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

  /** Shards that are not begun are another's now. */
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
   * @returns which shard, and the sums to hand out now
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

  /** The sums to hand out when nothing more is computed: shards that were revoked may have been all that a node waited for. */
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
