/** Computes leases: a gradient a shard, folded along the canonical tree into as few contributions as the lease allows. */
import { TreeSum, cover } from "../collective/index.js";
import type { TreeNode } from "../collective/index.js";
import type { DropoutKey, LossSum, Trainable } from "../compute/index.js";
import { collate } from "../data/index.js";
import type { Batch, Row } from "../data/index.js";
import { shardIndex } from "../ids.js";
import type { LeaseOutput, RowOutput, WorkerMessage } from "../rpc/index.js";
import { unpackInts } from "../rpc/index.js";
import { Contributions, VectorPool } from "./contributions.js";

export interface ShardMeasurement {
  readonly tokens: number;
  readonly supervisedTokens: number;
  readonly seconds: number;
}

export interface LeaseRunnerOptions {
  readonly trainable: Trainable;
  /** The run's seed: dropout draws from it. */
  readonly seed: number;
  readonly send: (message: WorkerMessage) => void;
  /** Delivers a contribution where it cannot be pulled; rejects when it could not. */
  readonly push: (step: number, node: TreeNode, vector: Float32Array) => Promise<void>;
  /** Whether work on this step is of no use any more. */
  readonly isFinal: (step: number) => boolean;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly observe: (shard: ShardMeasurement) => void;
}

interface Result {
  shard: number;
  lossSum: number;
  supervisedTokens: number;
  seconds: number;
}

export class LeaseRunner {
  readonly contributions: Contributions;
  readonly #options: LeaseRunnerOptions;

  constructor(options: LeaseRunnerOptions) {
    this.#options = options;
    this.contributions = new Contributions(new VectorPool(options.trainable.layout.size));
  }

  run(lease: LeaseOutput): Promise<void> {
    return lease.task === "TASK_TRAIN" ? this.#train(lease) : this.#evaluate(lease);
  }

  async #train(lease: LeaseOutput): Promise<void> {
    const { step, first, shards, roundShards } = lease;
    const pool = this.contributions.pool;
    const sum = new TreeSum(roundShards, { release: (vector) => pool.give(vector) });
    const waiting = cover(shardIndex(first), shards.length, roundShards);
    const results: Result[] = [];
    for (const [index, { rows }] of shards.entries()) {
      if (this.#options.isFinal(step)) return;
      const shard = shardIndex(first + index);
      const gradient = pool.take();
      const key: DropoutKey = { seed: this.#options.seed, step, shard };
      results.push(
        await this.#measure(shard, rows, (batch) => this.#options.trainable.gradients(batch, gradient, key)),
      );
      sum.add({ first: shard, count: 1 }, gradient);
      for (let next = waiting[0]; next !== undefined && sum.has(next); next = waiting[0]) {
        waiting.shift();
        this.#deliver(lease, next, sum.take(next), results.splice(0, next.count));
      }
    }
  }

  #deliver(lease: LeaseOutput, node: TreeNode, vector: Float32Array, results: Result[]): void {
    const { step, push } = lease;
    this.contributions.put(step, node, vector);
    this.#options.send({ contribution: { task: "TASK_TRAIN", step, ...node, results } });
    // A push that fails is noticed by the coordinator, which waits for it only so long and leases the shards again.
    if (push) this.#options.push(step, node, vector).catch(() => undefined);
  }

  async #evaluate({ step, first, shards }: LeaseOutput): Promise<void> {
    for (const [index, { rows }] of shards.entries()) {
      if (this.#options.isFinal(step + 1)) return;
      const shard = shardIndex(first + index);
      const result = await this.#measure(shard, rows, (batch) => this.#options.trainable.loss(batch));
      this.#options.send({
        contribution: { task: "TASK_EVALUATE", step, first: shard, count: 1, results: [result] },
      });
    }
  }

  async #measure(shard: number, rows: RowOutput[], compute: (batch: Batch) => Promise<LossSum>): Promise<Result> {
    const batch = collate(rows.map(readRow));
    const start = this.#options.now();
    const { lossSum, tokens: supervisedTokens } = await compute(batch);
    const seconds = (this.#options.now() - start) / 1000;
    const tokens = rows.reduce((sum, { inputIds }) => sum + inputIds.byteLength / 4, 0);
    this.#options.observe({ tokens, supervisedTokens, seconds });
    return { shard, lossSum, supervisedTokens, seconds };
  }
}

function readRow({ inputIds, labels, segments }: RowOutput): Row {
  return { inputIds: unpackInts(inputIds), labels: unpackInts(labels), segments };
}
