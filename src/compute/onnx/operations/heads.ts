/** Between [tokens, heads * headDim] and the layouts that attention works in. */
import type { AttentionSettings } from "../../ops.js";
import type { GraphContext } from "../context.js";
import { flatten } from "../context.js";
import type { Value } from "../graph-builder.js";

/** [tokens, heads * headDim] to [rows, keyValueHeads, group * length, headDim]. */
export function groupQueries({ graph, shapes }: GraphContext, x: Value, settings: AttentionSettings): Value {
  const { keyValueHeads, headDim } = settings;
  const apart = shapes.rowsLength(x, [keyValueHeads, groupSize(settings), headDim]);
  const byHead = graph.op("Transpose", [apart], { perm: [0, 2, 3, 1, 4] });
  return shapes.queries(byHead, keyValueHeads, headDim);
}

/** The way back. */
export function ungroupQueries({ graph, shapes }: GraphContext, x: Value, settings: AttentionSettings): Value {
  const { heads, keyValueHeads, headDim } = settings;
  const apart = shapes.groups(x, keyValueHeads, groupSize(settings), headDim);
  return flatten(graph, graph.op("Transpose", [apart], { perm: [0, 3, 1, 2, 4] }), heads * headDim);
}

/** [tokens, keyValueHeads * headDim] to [rows, keyValueHeads, length, headDim]. */
export function splitHeads({ graph, shapes }: GraphContext, x: Value, settings: AttentionSettings): Value {
  const apart = shapes.rowsLength(x, [settings.keyValueHeads, settings.headDim]);
  return graph.op("Transpose", [apart], { perm: [0, 2, 1, 3] });
}

/** The way back, from the transposed [rows, keyValueHeads, headDim, length]. */
export function mergeHeads({ graph }: GraphContext, x: Value, { keyValueHeads, headDim }: AttentionSettings): Value {
  return flatten(graph, graph.op("Transpose", [x], { perm: [0, 3, 1, 2] }), keyValueHeads * headDim);
}

/** Sum over headDim of x [tokens, heads * headDim], laid out like scores: [rows, keyValueHeads, group * length, 1]. */
export function sumPerQuery({ graph, shapes }: GraphContext, x: Value, settings: AttentionSettings): Value {
  const { keyValueHeads, headDim } = settings;
  const apart = shapes.rowsLength(x, [keyValueHeads, groupSize(settings), headDim]);
  const sums = graph.op("ReduceSum", [apart, graph.ints([-1])], { keepdims: 0 });
  const byHead = graph.op("Transpose", [sums], { perm: [0, 2, 3, 1] });
  return shapes.queries(byHead, keyValueHeads, 1);
}

/** Query heads that share a key/value head. */
export const groupSize = ({ heads, keyValueHeads }: AttentionSettings): number => heads / keyValueHeads;
