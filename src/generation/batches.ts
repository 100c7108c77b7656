/** Groups prompts of similar lengths into batches, to minimise padding. Pure. */

export interface BatchPlanOptions {
  /** Maximum number of sequences per batch. */
  readonly batchSize: number;
  /** Maximum number of new tokens per sequence. */
  readonly maxNewTokens: number;
  /** Bound of a batch's rows times its final length, which the key/value cache grows with; one sequence may exceed it. */
  readonly maxCacheTokens: number;
}

/**
 * Numbers of the sequences of each batch, shortest prompts first; equal lengths keep their order.
 * @param lengths tokens of each prompt
 */
export function planBatches(lengths: readonly number[], options: BatchPlanOptions): number[][] {
  const { batchSize, maxNewTokens, maxCacheTokens } = options;
  const byLength = [...lengths.keys()].sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0));
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const sequence of byLength) {
    // Prompts come in rising length, so the new one is the batch's longest.
    const finalLength = (lengths[sequence] ?? 0) + maxNewTokens;
    const full = batch.length >= batchSize || (batch.length + 1) * finalLength > maxCacheTokens;
    if (batch.length > 0 && full) {
      batches.push(batch);
      batch = [];
    }
    batch.push(sequence);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
