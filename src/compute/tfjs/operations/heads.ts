/** Between [tokens, heads * width] and the layout that attention works in, [rows, heads, length, width]. */
import { reshape, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { Sequence } from "../sequence.js";

export function splitHeads({ rows, length }: Sequence, x: Tensor, heads: number): Tensor {
  return transpose(reshape(x, [rows, length, heads, x.size / (rows * length * heads)]), [0, 2, 1, 3]);
}

/** The inverse. */
export function mergeHeads(x: Tensor): Tensor {
  const [, heads = 1, , width = 1] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [-1, heads * width]);
}
