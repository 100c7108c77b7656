/**
 * Attention in blocks of consecutive places, one after another: a block's queries see no key after the block, nor any
 * before its window, so those are left out, and only one block's probabilities are in memory at a time. The queries of
 * the heads that share a key/value head are stacked in rows ("stacked": [rows, keyValueHeads, group * queries, …]),
 * so keys and values are never repeated.
 */
import { add, concat, dispose, mul, pad, reshape, slice, softmax, sub, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { AttentionSettings } from "../../ops.js";
import type { AttentionBlock, TensorContext } from "../context.js";
import { softCapped, throughSoftCap } from "../soft-cap.js";

export interface AttentionInputs {
  /** Times the scale, [rows, heads, length, headDim]. */
  readonly queries: Tensor;
  /** [rows, keyValueHeads, length, headDim] */
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** @returns [rows, heads, length, headDim] */
export function blockedAttention(context: TensorContext, inputs: AttentionInputs, settings: AttentionSettings): Tensor {
  const { products, scope } = context;
  const parts = scope.blocks(settings.window).map((block) =>
    tidy(() => {
      const { p } = probabilities(context, inputs, block, settings);
      return unstack(products.plain(p, keysOf(inputs.values, block)), settings);
    }),
  );
  return joined(parts);
}

/**
 * With P the probabilities and dP = gradient v^T: the scores' gradient is P (dP - rowsum(P dP)), and rowsum(P dP) is
 * the sum over headDim of gradient * output (as in FlashAttention, Dao 2022).
 * @param toMixed gradient of the output, [rows, heads, length, headDim]
 * @param rowSums sum over headDim of gradient * output, [rows, heads, length, 1]
 * @returns gradients of the inputs, in their layouts
 */
export function blockedBackward(
  context: TensorContext,
  inputs: AttentionInputs,
  toMixed: Tensor,
  rowSums: Tensor,
  settings: AttentionSettings,
): AttentionInputs {
  const { products, scope } = context;
  const length = inputs.keys.shape[2] ?? 0;
  const toQueries: Tensor[] = [];
  let sums: readonly [Tensor, Tensor] | null = null;
  for (const block of scope.blocks(settings.window)) {
    const before: readonly [Tensor, Tensor] | null = sums;
    const [toBlock, toKeys, toValues]: [Tensor, Tensor, Tensor] = tidy((): [Tensor, Tensor, Tensor] => {
      const { p, scores } = probabilities(context, inputs, block, settings);
      const ofBlock = queriesOf(toMixed, block, settings);
      const toP = products.transposedRight(ofBlock, keysOf(inputs.values, block));
      const toCapped = mul(p, sub(toP, queriesOf(rowSums, block, settings)));
      const toScores = throughSoftCap(toCapped, scores, settings.softCap);
      return [
        unstack(products.plain(toScores, keysOf(inputs.keys, block)), settings),
        plus(
          before?.[0],
          atPlaces(products.transposedLeft(toScores, queriesOf(inputs.queries, block, settings)), block, length),
        ),
        plus(before?.[1], atPlaces(products.transposedLeft(p, ofBlock), block, length)),
      ];
    });
    if (before !== null) dispose([...before]);
    toQueries.push(toBlock);
    sums = [toKeys, toValues];
  }
  const [keys, values] = sums ?? [inputs.keys, inputs.values];
  return { queries: joined(toQueries), keys, values };
}

/**
 * softmax(scores + mask) and the scores q k^T, soft-capped if configured; both
 * [rows, keyValueHeads, group * queries, keys].
 */
function probabilities(
  { products }: TensorContext,
  inputs: AttentionInputs,
  block: AttentionBlock,
  settings: AttentionSettings,
): { readonly p: Tensor; readonly scores: Tensor } {
  const product = products.transposedRight(queriesOf(inputs.queries, block, settings), keysOf(inputs.keys, block));
  const scores = softCapped(product, settings.softCap);
  const apart = reshape(scores, [-1, settings.heads, block.queries, block.keys]);
  return { p: softmax(reshape(add(apart, block.mask), scores.shape)), scores };
}

/** Of [rows, heads, length, width]: the block's places, stacked. */
function queriesOf(whole: Tensor, { firstQuery, queries }: AttentionBlock, settings: AttentionSettings): Tensor {
  const [rows = 1, heads = 1, , width = 1] = whole.shape;
  // The WebAssembly backend slices tensors of five dimensions a hundred times slower than those of four.
  const part = slice(whole, [0, 0, firstQuery, 0], [rows, heads, queries, width]);
  return reshape(part, [rows, settings.keyValueHeads, -1, width]);
}

/** The inverse. */
function unstack(x: Tensor, { heads, headDim }: AttentionSettings): Tensor {
  const [rows = 1] = x.shape;
  return reshape(x, [rows, heads, -1, headDim]);
}

/** Of [rows, keyValueHeads, length, headDim]: the keys or values in sight. */
function keysOf(whole: Tensor, { firstKey, keys }: AttentionBlock): Tensor {
  const [rows = 1, heads = 1, length = 1, width = 1] = whole.shape;
  if (keys === length) return whole;
  return slice(whole, [0, 0, firstKey, 0], [rows, heads, keys, width]);
}

/** [rows, keyValueHeads, keys in sight, headDim] at their places in `length`, with 0 elsewhere. */
function atPlaces(part: Tensor, { firstKey, keys }: AttentionBlock, length: number): Tensor {
  if (keys === length) return part;
  return pad(part, [
    [0, 0],
    [0, 0],
    [firstKey, length - firstKey - keys],
    [0, 0],
  ]);
}

const plus = (sum: Tensor | undefined, part: Tensor): Tensor => (sum === undefined ? part : add(sum, part));

const joined = (parts: readonly Tensor[]): Tensor => concat([...parts], 2);
