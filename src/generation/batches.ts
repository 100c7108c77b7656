/** Which prompts are generated together: those of like lengths, so that little of a batch is padding. Pure. */

export interface BatchPlanOptions {
  /** Sequences a batch at most. */
  readonly batchSize: number;
  /** Tokens that a sequence may grow by. */
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
