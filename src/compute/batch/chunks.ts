/**
 * Splits a batch's work into pieces that fit in memory: supervised tokens for the loss, positions for attention. Pure.
 */
import { IGNORE, type Batch } from "../../data/row.js";

export interface LossChunks {
  /** How many tokens are supervised. */
  readonly supervised: number;
  readonly chunks: number;
  /** Tokens a chunk; chunks * chunk - supervised places, fewer than `chunks`, are filled up. */
  readonly chunk: number;
  /** Index of each supervised token within the batch; filled up with 0, [chunks * chunk]. */
  readonly tokens: Int32Array;
  /** The token to be predicted there; filled up with 0, [chunks * chunk]. */
  readonly targets: Int32Array;
  /** 1, or 0 where filled up, [chunks * chunk]. */
  readonly weights: Float32Array;
  /** Where in [chunks * chunk] each token of the batch is; the number after the last for one not supervised, [tokens]. */
  readonly places: Int32Array;
}

/** Most logits in memory at once: 64 MiB of f32. */
const logitsBudget = 2 ** 24;
/** Fewer rows a chunk would cost the matrix product its speed. */
const fewestRows = 64;

/** Rows of logits a chunk may have. */
export const chunkLimit = (vocabularySize: number): number =>
  Math.max(fewestRows, Math.floor(logitsBudget / vocabularySize));

/** Fewer places a block would make its matrix products too small. */
const smallestBlock = 64;
const mostBlocks = 16;

/**
 * How many blocks of equal size attention is computed in (see an engine's `operations/attention-blocks.ts`): as many as there can
 * be, by halving. Like all that decides the order of sums, a function of the batch alone.
 */
export function attentionBlocks(length: number): number {
  let blocks = 1;
  while (blocks < mostBlocks && length % (2 * blocks) === 0 && length / (2 * blocks) >= smallestBlock) blocks *= 2;
  return blocks;
}

/** @param limit maximum tokens per chunk */
export function lossChunks(batch: Batch, limit: number): LossChunks {
  const supervisedAt: number[] = [];
  batch.targets.forEach((target, token) => {
    if (target !== IGNORE) supervisedAt.push(token);
  });
  const supervised = supervisedAt.length;
  const chunks = Math.max(1, Math.ceil(supervised / limit));
  const chunk = Math.ceil(supervised / chunks);
  const size = chunks * chunk;
  const tokens = new Int32Array(size);
  const targets = new Int32Array(size);
  const weights = new Float32Array(size);
  const places = new Int32Array(batch.targets.length).fill(size);
  supervisedAt.forEach((token, place) => {
    tokens[place] = token;
    targets[place] = batch.targets[token] ?? 0;
    weights[place] = 1;
    places[token] = place;
  });
  return { supervised, chunks, chunk, tokens, targets, weights, places };
}
