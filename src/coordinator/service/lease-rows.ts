/** Turns lease effects into the rows that a worker computes. */
import type { Row, TokenStore } from "../../data/index.js";
import type { StepNumber } from "../../ids.js";
import { packInts } from "../../rpc/index.js";
import type { RowMessage, ShardMessage } from "../../rpc/index.js";
import type { Task } from "../machine/index.js";
import type { PreparedGeneration } from "../prepare/generation.js";

/** The source of the rows of a round. */
export interface RowSource {
  readonly store: TokenStore;
  /** Indices into the store, in order. */
  readonly rows: readonly number[];
}

export interface LeaseSources {
  readonly microBatchSize: number;
  readonly training: (step: StepNumber) => RowSource;
  readonly evaluation: () => RowSource;
  /** What is generated in every evaluation. Default: nothing. */
  readonly generation?: GenerationSource | undefined;
}

/** Prompts by shard, and how their answers end. */
export type GenerationSource = Pick<PreparedGeneration, "shards" | "stopIds" | "contextLength">;

/** The number of shards needed for `rows` rows. */
export const shardCount = (rows: number, microBatchSize: number): number => Math.ceil(rows / microBatchSize);

/** The rows of shards [first, first + count). */
export function shardMessages(
  sources: LeaseSources,
  { task, step, first, count }: { task: Task; step: StepNumber; first: number; count: number },
): ShardMessage[] {
  if (task === "generate") return promptMessages(sources, first, count);
  const { store, rows } = task === "train" ? sources.training(step) : sources.evaluation();
  return Array.from({ length: count }, (_, index) => {
    const from = (first + index) * sources.microBatchSize;
    return { rows: rows.slice(from, from + sources.microBatchSize).map((row) => rowMessage(store.row(row))) };
  });
}

function promptMessages({ generation }: LeaseSources, first: number, count: number): ShardMessage[] {
  const shards = generation?.shards.slice(first, first + count) ?? [];
  return shards.map(({ prompts, maxNewTokens }) => ({
    rows: prompts.map((ids) => ({ inputIds: packInts(ids), labels: Buffer.alloc(0), segments: [ids.length] })),
    maxNewTokens,
  }));
}

const rowMessage = (row: Row): RowMessage => ({
  inputIds: packInts(row.inputIds),
  labels: packInts(row.labels),
  segments: [...row.segments],
});
