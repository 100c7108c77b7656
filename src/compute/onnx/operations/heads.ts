/** Between [tokens, heads * headDim] and the layouts that attention works in. */
import type { AttentionSettings } from "../../ops.js";
import { flatten, type GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";

/** [tokens, heads * headDim] to [rows, keyValueHeads, group, length, headDim]. */
export function splitQueries({ graph, shapes }: GraphContext, x: Value, settings: AttentionSettings): Value {
  const { keyValueHeads, headDim } = settings;
  const group = groupSize(settings);
  const apart = shapes.rowsLength(x, [keyValueHeads, group, headDim]);
  const byHead = graph.op("Transpose", [apart], { perm: [0, 2, 3, 1, 4] });
  return graph.declare(byHead, ["rows", keyValueHeads, group, "length", headDim]);
}

/** The inverse. */
export function mergeQueries({ graph }: GraphContext, x: Value, { heads, headDim }: AttentionSettings): Value {
  return flatten(graph, graph.op("Transpose", [x], { perm: [0, 3, 1, 2, 4] }), heads * headDim);
}

/** The inverse, from blocks of places: [blocks, rows, keyValueHeads, group, block, headDim]. */
export function mergeQueryBlocks({ graph }: GraphContext, x: Value, { heads, headDim }: AttentionSettings): Value {
  return flatten(graph, graph.op("Transpose", [x], { perm: [1, 0, 4, 2, 3, 5] }), heads * headDim);
}

/** [tokens, keyValueHeads * headDim] to [rows, keyValueHeads, length, headDim]. */
export function splitHeads({ graph, shapes }: GraphContext, x: Value, settings: AttentionSettings): Value {
  const { keyValueHeads, headDim } = settings;
  const byHead = graph.op("Transpose", [shapes.rowsLength(x, [keyValueHeads, headDim])], { perm: [0, 2, 1, 3] });
  return graph.declare(byHead, ["rows", keyValueHeads, "length", headDim]);
}

/** The inverse, from the transposed [rows, keyValueHeads, headDim, length]. */
export function mergeHeads({ graph }: GraphContext, x: Value, { keyValueHeads, headDim }: AttentionSettings): Value {
  return flatten(graph, graph.op("Transpose", [x], { perm: [0, 3, 1, 2] }), keyValueHeads * headDim);
}

/** Sum over headDim of x [tokens, heads * headDim]: [rows, keyValueHeads, group, length, 1]. */
export function sumPerQuery({ graph, shapes }: GraphContext, x: Value, settings: AttentionSettings): Value {
  const apart = shapes.rowsLength(x, [settings.keyValueHeads, groupSize(settings), settings.headDim]);
  const sums = graph.op("ReduceSum", [apart, graph.ints([-1])], { keepdims: 1 });
  return graph.op("Transpose", [sums], { perm: [0, 2, 3, 1, 4] });
}

/** Query heads that share a key/value head. */
export const groupSize = ({ heads, keyValueHeads }: AttentionSettings): number => heads / keyValueHeads;
