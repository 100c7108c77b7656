/**
 * Determines which rows each step uses. The order of every epoch is a function of (seed, epoch) alone, so a resumed run
 * or a restarted coordinator uses the same rows. Pure; does not know shards or workers.
 */
import { CoxswainError } from "../errors.js";
import { stepNumber, type StepNumber } from "../ids.js";
import { PhiloxStream, streams } from "../math/index.js";

export interface StepPlanOptions {
  /** Rows of the token store, at least 1. */
  readonly rows: number;
  /** Rows per step. */
  readonly globalBatchSize: number;
  readonly seed: number;
  /** false: the rows' own order in every epoch. */
  readonly shuffle: boolean;
  /** Total steps; null: as many as `epochs` need. */
  readonly maxSteps: number | null;
  /** Passes over the data, possibly fractional (`num_train_epochs`). */
  readonly epochs: number;
  /**
   * `micro_batch_size`: transformers counts an epoch's progress in micro-batches. Only the reported `epoch` depends on
   * it. Default 1, which counts it in rows.
   */
  readonly microBatchSize?: number;
}

export interface StepRows {
  /** Row numbers, in order; fewer than the global batch in an epoch's last step. */
  readonly rows: readonly number[];
  /** Epochs completed after this step, as transformers logs it: 1.5 is halfway through the second. */
  readonly epoch: number;
}

export interface StepPlan {
  /** Steps per epoch, rounded up: the last one may be smaller. */
  readonly stepsPerEpoch: number;
  readonly totalSteps: StepNumber;
  /**
   * @param step 1 .. totalSteps
   * @throws CoxswainError "bug" outside that range
   */
  rowsOf(step: StepNumber): StepRows;
}

/** A permutation of 0 .. rows-1 by Fisher and Yates, drawn from the stream (seed, epochOrder, epoch). */
export function epochOrder(rows: number, seed: number, epoch: number): Int32Array {
  const random = new PhiloxStream(seed, streams.epochOrder, epoch);
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  for (let last = rows - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}

/**
 * The plan of a run, counting steps as transformers does: `ceil(rows / batch)` per epoch, `ceil(steps * epochs)` in
 * total.
 */
export function stepPlan(options: StepPlanOptions): StepPlan {
  const { rows, globalBatchSize, seed, shuffle, maxSteps, epochs, microBatchSize = 1 } = options;
  if (rows < 1) throw new CoxswainError("bug", "a step plan needs at least one row");
  const stepsPerEpoch = Math.ceil(rows / globalBatchSize);
  const totalSteps = maxSteps ?? Math.ceil(stepsPerEpoch * epochs);
  const microBatches = Math.ceil(rows / microBatchSize);
  let cached: { readonly epoch: number; readonly order: Int32Array } | null = null;
  const orderOf = (epoch: number): Int32Array => {
    if (cached?.epoch !== epoch) cached = { epoch, order: epochOrder(rows, seed, epoch) };
    return cached.order;
  };
  return {
    stepsPerEpoch,
    totalSteps: stepNumber(totalSteps),
    rowsOf: (step) => {
      if (!Number.isInteger(step) || step < 1 || step > totalSteps) {
        throw new CoxswainError("bug", `step ${step} is not one of 1 to ${totalSteps}`);
      }
      const epoch = Math.floor((step - 1) / stepsPerEpoch);
      const start = ((step - 1) % stepsPerEpoch) * globalBatchSize;
      const end = Math.min(start + globalBatchSize, rows);
      const used = shuffle
        ? Array.from(orderOf(epoch).subarray(start, end))
        : Array.from({ length: end - start }, (_, index) => start + index);
      return { rows: used, epoch: epoch + Math.ceil(end / microBatchSize) / microBatches };
    },
  };
}
