/** Computes leases: a gradient a shard, folded along the canonical tree into as few contributions as the lease allows. */
import { detach } from "../async/index.js";
import { TreeSum, VectorPool, vectorBytes } from "../collective/index.js";
import type { TreeNode, VectorDtype } from "../collective/index.js";
import type { DropoutKey, LossSum, Trainable } from "../compute/index.js";
import { collate } from "../data/index.js";
import type { Batch, Row } from "../data/index.js";
import type { ShardIndex } from "../ids.js";
import type { LeaseOutput, RevokeOutput, RowOutput, WorkerMessage } from "../rpc/index.js";
import { taskWords, unpackInts } from "../rpc/index.js";
import { Contributions } from "./contributions.js";
import { LeasePlan } from "./lease-plan.js";

export interface ShardMeasurement {
  readonly tokens: number;
  readonly supervisedTokens: number;
  readonly seconds: number;
}

export interface LeaseRunnerOptions {
  readonly trainable: Trainable;
  /** The run's seed: dropout draws from it. */
  readonly seed: number;
  readonly allReduceDtype: VectorDtype;
  readonly send: (message: WorkerMessage) => void;
  /** Delivers a contribution where it cannot be pulled; rejects when it could not. */
  readonly push: (step: number, node: TreeNode, vector: Float32Array) => Promise<void>;
  /** Whether work on this step is of no use any more. */
  readonly isFinal: (step: number) => boolean;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly observe: (shard: ShardMeasurement) => void;
}

interface Work {
  readonly lease: LeaseOutput;
  readonly plan: LeasePlan;
}

/**
 * How long computed sums wait for the rest of their node, ms: so much work may be lost with a worker. Each delivery costs
 * whoever reduces 3 ms and what 200 MB/s would need, of which early ones may take a twentieth of the time.
 * @param bytes of a delivery
 * @param workers who deliver
 */
export const deliveryInterval = (bytes: number, workers: number): number => workers * 20 * (3 + bytes / 200_000);

export class LeaseRunner {
  readonly contributions: Contributions;
  readonly #options: LeaseRunnerOptions;
  /** Leases that have arrived and are not done, in order. */
  readonly #work: Work[] = [];

  constructor(options: LeaseRunnerOptions) {
    this.#options = options;
    this.contributions = new Contributions(new VectorPool(options.trainable.layout.size));
  }

  /** A lease has arrived; it is run when those before it are done. */
  accept(lease: LeaseOutput): void {
    this.#work.push({ lease, plan: new LeasePlan(lease.first, lease.shards.length, lease.roundShards) });
  }

  /** Shards of leases that have arrived are another's now. */
  revoke({ task, step, first, count }: RevokeOutput): void {
    for (const { lease, plan } of this.#work) if (lease.task === task && lease.step === step) plan.revoke(first, count);
  }

  /** Runs the lease that was accepted first, or leaves it where `wanted` says that its state is not ours. */
  async run(wanted: boolean): Promise<void> {
    const [work] = this.#work;
    try {
      if (work !== undefined && wanted)
        await (taskWords.read(work.lease.task) === "train" ? this.#train(work) : this.#evaluate(work));
    } finally {
      this.#work.shift();
    }
  }

  async #train({ lease, plan }: Work): Promise<void> {
    const { step, roundShards } = lease;
    const { isFinal, trainable, seed, now, allReduceDtype } = this.#options;
    const { pool } = this.contributions;
    const sum = new TreeSum(roundShards, { precision: allReduceDtype, release: (vector) => pool.give(vector) });
    const workers = roundShards / lease.shards.length;
    const patience = deliveryInterval(vectorBytes(trainable.layout.size, allReduceDtype), workers);
    let deliveredAt = now();
    for (let shard = plan.begin(); shard !== undefined; shard = plan.begin()) {
      if (isFinal(step)) {
        sum.clear();
        return;
      }
      const gradient = pool.take();
      const key: DropoutKey = { seed, step, shard };
      await this.#measure(lease, shard, (batch) => trainable.gradients(batch, gradient, key));
      plan.computed(shard);
      sum.add({ first: shard, count: 1 }, gradient);
      const overdue = now() - deliveredAt > patience;
      if (this.#deliver(lease, plan, sum, overdue ? plan.nodesNow() : plan.nodes())) deliveredAt = now();
    }
    // Shards that were taken back may have been all that a node waited for.
    this.#deliver(lease, plan, sum, plan.nodesNow());
  }

  /** @returns whether there was anything */
  #deliver(lease: LeaseOutput, plan: LeasePlan, sum: TreeSum, nodes: readonly TreeNode[]): boolean {
    const { step, push } = lease;
    for (const node of nodes) {
      plan.delivered(node);
      const vector = sum.take(node);
      this.contributions.put(step, node, vector);
      this.#options.send({ contribution: { step, ...node } });
      // A push that fails is noticed by the coordinator, which waits for it only so long and leases the shards again.
      if (push) detach(this.#options.push(step, node, vector), () => undefined);
    }
    return nodes.length > 0;
  }

  async #evaluate({ lease, plan }: Work): Promise<void> {
    for (let shard = plan.begin(); shard !== undefined; shard = plan.begin()) {
      if (this.#options.isFinal(lease.step + 1)) return;
      await this.#measure(lease, shard, (batch) => this.#options.trainable.loss(batch));
    }
  }

  /** Computes one shard and reports it. */
  async #measure(
    { task, step, first, shards }: LeaseOutput,
    shard: ShardIndex,
    compute: (batch: Batch) => Promise<LossSum>,
  ): Promise<void> {
    const rows = shards[shard - first]?.rows ?? [];
    const batch = collate(rows.map(readRow));
    const start = this.#options.now();
    const { lossSum, tokens: supervisedTokens } = await compute(batch);
    const seconds = (this.#options.now() - start) / 1000;
    const tokens = rows.reduce((sum, { inputIds }) => sum + inputIds.byteLength / 4, 0);
    this.#options.observe({ tokens, supervisedTokens, seconds });
    this.#options.send({ computed: { task, step, shard, lossSum, supervisedTokens, seconds } });
  }
}

function readRow({ inputIds, labels, segments }: RowOutput): Row {
  return { inputIds: unpackInts(inputIds), labels: unpackInts(labels), segments };
}
