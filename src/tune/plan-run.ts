/** Chooses a run's settings from its data, its model and the memory of the machine. Pure. */

export interface DataFacts {
  /** Tokens of each example, not truncated, in any order. */
  readonly lengths: readonly number[];
  /** The longest row that the model takes; null: no limit. */
  readonly limit: number | null;
}

export interface RowPlan {
  readonly maxLength: number;
  /** The 99th percentile of the lengths. */
  readonly percentile: number;
  readonly longest: number;
  /** Examples that `maxLength` truncates. */
  readonly truncated: number;
  readonly packing: boolean;
  /** About how many rows an epoch has. */
  readonly rows: number;
  readonly meanLength: number;
}

/** Rows are padded to the longest of a shard; a multiple keeps the number of different shapes small. */
const multiple = 64;
/** Packing pays where a row would be less than this full. */
const wellFilled = 0.5;

/** @param data at least one example */
export function planRows({ lengths, limit }: DataFacts): RowPlan {
  const sorted = [...lengths].sort((a, b) => a - b);
  const percentile = sorted[Math.max(0, Math.ceil(0.99 * sorted.length) - 1)] ?? 0;
  const rounded = multiple * Math.ceil(percentile / multiple);
  const maxLength = limit === null ? rounded : Math.min(rounded, limit);
  const longest = sorted.at(-1) ?? 0;
  const kept = sorted.reduce((sum, length) => sum + Math.min(length, maxLength), 0);
  const meanLength = kept / sorted.length;
  const packing = meanLength < wellFilled * maxLength;
  const rows = packing ? Math.ceil(kept / maxLength) : sorted.length;
  const truncated = sorted.filter((length) => length > maxLength).length;
  return { maxLength, percentile, longest, truncated, packing, rows, meanLength };
}

export interface StepPlan {
  readonly globalBatchSize: number;
  readonly epochs: number;
  readonly steps: number;
  readonly saveSteps: number;
  readonly loggingSteps: number;
}

/** The QLoRA paper trains up to 13 billion parameters with batches of 16 (table 9). */
const usualBatch = 16;
/** A smaller batch is noisy, and has no shards that workers could share. */
const smallestBatch = 4;
/** Fewer updates than this leave a schedule with a warm-up no room. */
const fewestSteps = 200;
const checkpoints = 5;
const progressLines = 50;

/** @param rows of an epoch */
export function planSteps(rows: number): StepPlan {
  const epochs = rows < 10_000 ? 3 : rows < 50_000 ? 2 : 1;
  const stepsOf = (batch: number): number => Math.ceil((rows * epochs) / batch);
  let globalBatchSize = usualBatch;
  while (globalBatchSize > smallestBatch && stepsOf(globalBatchSize) < fewestSteps) globalBatchSize /= 2;
  // A step takes no row twice.
  while (globalBatchSize > rows) globalBatchSize /= 2;
  const steps = stepsOf(globalBatchSize);
  const every = (parts: number): number => Math.max(1, Math.round(steps / parts));
  return { globalBatchSize, epochs, steps, saveSteps: every(checkpoints), loggingSteps: every(progressLines) };
}
