/** Between [tokens, heads * headDim] and the layouts that attention works in. */
import { reshape, sum, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { AttentionSettings } from "../../ops.js";
import type { Sequence } from "../sequence.js";

/** [tokens, heads * headDim] to [rows, keyValueHeads, group, length, headDim]. */
export function splitQueries({ rows, length }: Sequence, x: Tensor, settings: AttentionSettings): Tensor {
  const { keyValueHeads, headDim } = settings;
  return transpose(reshape(x, [rows, length, keyValueHeads, groupSize(settings), headDim]), [0, 2, 3, 1, 4]);
}

/** The way back. */
export function mergeQueries(x: Tensor, { heads, headDim }: AttentionSettings): Tensor {
  return reshape(transpose(x, [0, 3, 1, 2, 4]), [-1, heads * headDim]);
}

/** [tokens, keyValueHeads * headDim] to [rows, keyValueHeads, length, headDim]. */
export function splitHeads({ rows, length }: Sequence, x: Tensor, settings: AttentionSettings): Tensor {
  return transpose(reshape(x, [rows, length, settings.keyValueHeads, settings.headDim]), [0, 2, 1, 3]);
}

/** The way back. */
export function mergeHeads(x: Tensor, { keyValueHeads, headDim }: AttentionSettings): Tensor {
  return reshape(transpose(x, [0, 2, 1, 3]), [-1, keyValueHeads * headDim]);
}

/** Sum over headDim of x [tokens, heads * headDim]: [rows, keyValueHeads, group, length, 1]. */
export function sumPerQuery({ rows, length }: Sequence, x: Tensor, settings: AttentionSettings): Tensor {
  const { keyValueHeads, headDim } = settings;
  const sums = sum(reshape(x, [rows, length, keyValueHeads, groupSize(settings), headDim]), -1, true);
  return transpose(sums, [0, 2, 3, 1, 4]);
}

/** Query heads that share a key/value head. */
export const groupSize = ({ heads, keyValueHeads }: AttentionSettings): number => heads / keyValueHeads;
