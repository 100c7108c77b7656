/**
 * Splits a batch's work into pieces that fit in memory: supervised tokens for the loss, positions for attention. Pure.
 */
import { IGNORE, type Batch } from "../../data/row.js";

export interface LossChunks {
  /** Number of supervised tokens. */
  readonly supervised: number;
  readonly chunks: number;
  /** Tokens per chunk; chunks * chunk - supervised places, fewer than `chunks`, are padding. */
  readonly chunk: number;
  /** Index of each supervised token within the batch; padded with 0, [chunks * chunk]. */
  readonly tokens: Int32Array;
  /** The token to be predicted there; padded with 0, [chunks * chunk]. */
  readonly targets: Int32Array;
  /** 1, or 0 for padding, [chunks * chunk]. */
  readonly weights: Float32Array;
  /**
   * Where in [chunks * chunk] each token of the batch is; the number after the last for one not supervised, [tokens].
   */
  readonly places: Int32Array;
}

/** Maximum number of logits in memory: 64 MiB of f32. */
const logitsBudget = 2 ** 24;
/** Minimum rows per chunk: fewer would slow the matrix product down. */
const fewestRows = 64;

/** Maximum rows of logits per chunk. */
export const chunkLimit = (vocabularySize: number): number =>
  Math.max(fewestRows, Math.floor(logitsBudget / vocabularySize));

/** Minimum places per block: fewer would make its matrix products too small. */
const smallestBlock = 64;
const mostBlocks = 16;

/**
 * The number of equal blocks that attention is computed in (see an engine's `operations/attention-blocks.ts`): the
 * maximum reached by halving. Like everything that determines the order of sums, it depends only on the batch.
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
