/** The loss of a data set: the mean over all of its supervised tokens, however the rows are batched. */
import type { Trainable } from "../compute/index.js";
import { collate, type TokenStore } from "../data/index.js";
import { CoxswainError } from "../errors.js";

export interface EvaluateLossOptions {
  /** Rows per batch. Default 8. */
  readonly batchSize?: number;
  /** Maximum number of rows, from the first. Default: all. */
  readonly limit?: number;
  /** Called after each batch with the number of completed rows and the total. */
  readonly onProgress?: (done: number, rows: number) => void;
}

/** The loss of a data set. */
export interface EvaluatedLoss {
  /** Mean negative log-likelihood of a supervised token, nats. */
  readonly loss: number;
  /** e^loss. */
  readonly perplexity: number;
  /** Supervised tokens. */
  readonly tokens: number;
  readonly rows: number;
}

/**
 * Evaluates all rows of a store, batching rows of similar length.
 * @throws CoxswainError "model" if the loss is not a finite number
 */
export async function evaluateLoss(
  model: Pick<Trainable, "loss">,
  store: TokenStore,
  { batchSize = 8, limit = Infinity, onProgress }: EvaluateLossOptions = {},
): Promise<EvaluatedLoss> {
  const count = Math.min(store.rowCount, limit);
  const rows = Array.from({ length: count }, (_, index) => store.row(index));
  rows.sort((a, b) => a.inputIds.length - b.inputIds.length);
  let lossSum = 0;
  let tokens = 0;
  for (let start = 0; start < count; start += batchSize) {
    const batch = await model.loss(collate(rows.slice(start, start + batchSize)));
    lossSum += batch.lossSum;
    tokens += batch.tokens;
    onProgress?.(Math.min(start + batchSize, count), count);
  }
  const loss = lossSum / tokens;
  if (!Number.isFinite(loss)) throw notFinite(loss, tokens);
  return { loss, perplexity: Math.exp(loss), tokens, rows: count };
}

function notFinite(loss: number, tokens: number): CoxswainError {
  return new CoxswainError("model", `the loss over ${tokens} supervised tokens is ${loss}`, {
    hint: "The adapter or the weights may be damaged, or too large for the compute type: try another adapter, or float32.",
  });
}
