/** Computes shards: answers, losses, and gradients that are added up along the canonical tree until their sums are served. */
import { TreeSum, VectorPool, vectorChecksum } from "../../collective/index.js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import type { Clock } from "../../clock.js";
import type { LossSum, Trainable } from "../../compute/index.js";
import { collate } from "../../data/index.js";
import type { Batch, Row } from "../../data/index.js";
import { CoxswainError } from "../../errors.js";
import type { ShardIndex } from "../../ids.js";
import type { LeaseOutput, RowOutput } from "../../rpc/index.js";
import { unpackInts } from "../../rpc/index.js";
import { Contributions } from "./contributions.js";
import type { ShardLoss, Task } from "../machine/index.js";

export interface ShardMeasurement {
  readonly tokens: number;
  readonly supervisedTokens: number;
  readonly seconds: number;
}

export interface ShardRunnerOptions {
  readonly trainable: Trainable;
  /** The run's seed, for dropout. */
  readonly seed: number;
  readonly allReduceDtype: VectorDtype;
  readonly clock: Clock;
  readonly observe: (shard: ShardMeasurement) => void;
}

export class ShardRunner {
  readonly contributions: Contributions;
  readonly #options: ShardRunnerOptions;
  /** The lease whose shards are being computed. */
  #sum: TreeSum | undefined;

  constructor(options: ShardRunnerOptions) {
    this.#options = options;
    this.contributions = new Contributions(new VectorPool(options.trainable.layout.size));
  }

  /** Computes one shard of a lease. Shards of another lease come after `closeLease`. */
  async compute(task: Task, lease: LeaseOutput, shard: ShardIndex): Promise<ShardLoss> {
    const { trainable, seed } = this.#options;
    const { step } = lease;
    if (task === "generate") return this.#generate(lease, shard);
    if (task === "evaluate") return this.#measure(lease, shard, (batch) => trainable.loss(batch));
    const gradient = this.contributions.pool.take();
    const loss = await this.#measure(lease, shard, (batch) =>
      trainable.gradients(batch, gradient, { seed, step, shard }),
    );
    this.#sum ??= this.#newSum(lease.roundShards);
    this.#sum.add({ first: shard, count: 1 }, gradient);
    return loss;
  }

  /**
   * Makes the sum of a node's shards available to others.
   * @param slices where its slices begin, ascending; empty: one slice, the whole
   * @returns the checksum of each slice
   */
  serve(step: number, node: TreeNode, slices: readonly number[]): number[] {
    if (this.#sum === undefined) throw new CoxswainError("bug", "a sum was to be served before a shard was computed");
    const sum = this.#sum.take(node);
    this.contributions.put(step, node, sum);
    const begins = slices.length === 0 ? [0] : slices;
    return begins.map((begin, index) =>
      vectorChecksum(sum.subarray(begin, begins[index + 1]), this.#options.allReduceDtype),
    );
  }

  /** Drops the sums that were not served. */
  closeLease(): void {
    this.#sum?.clear();
    this.#sum = undefined;
  }

  async #generate({ first, shards, stopIds, contextLength }: LeaseOutput, shard: ShardIndex): Promise<ShardLoss> {
    const { trainable, clock } = this.#options;
    const { rows = [], maxNewTokens = 1 } = shards[shard - first] ?? {};
    const { generate } = await import("../../generation/index.js");
    const start = clock.now();
    const generations = await generate(
      trainable,
      rows.map(({ inputIds }) => unpackInts(inputIds)),
      { maxNewTokens, stopIds: unpackInts(stopIds), ...(contextLength > 0 ? { contextLength } : {}) },
    );
    const seconds = (clock.now() - start) / 1000;
    return { lossSum: 0, supervisedTokens: 0, seconds, generated: generations.map(({ tokens }) => tokens) };
  }

  #newSum(roundShards: number): TreeSum {
    const { pool } = this.contributions;
    return new TreeSum(roundShards, {
      precision: this.#options.allReduceDtype,
      release: (vector) => pool.give(vector),
    });
  }

  async #measure(
    { first, shards }: LeaseOutput,
    shard: ShardIndex,
    compute: (batch: Batch) => Promise<LossSum>,
  ): Promise<ShardLoss> {
    const { clock, observe } = this.#options;
    const rows = shards[shard - first]?.rows ?? [];
    const batch = collate(rows.map(readRow));
    const start = clock.now();
    const { lossSum, tokens: supervisedTokens } = await compute(batch);
    const seconds = (clock.now() - start) / 1000;
    const tokens = rows.reduce((sum, { inputIds }) => sum + inputIds.byteLength / 4, 0);
    observe({ tokens, supervisedTokens, seconds });
    return { lossSum, supervisedTokens, seconds };
  }
}

function readRow({ inputIds, labels, segments }: RowOutput): Row {
  return { inputIds: unpackInts(inputIds), labels: unpackInts(labels), segments };
}
