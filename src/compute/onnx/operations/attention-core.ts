/**
 * Attention of some queries to some keys. The queries of the heads that share a key/value head are stacked in rows
 * ("stacked": [rows, keyValueHeads, group * queries, …]), so keys and values are never repeated.
 */
import type { AttentionSettings } from "../../ops.js";
import type { GraphBuilder, Value } from "../graph-builder.js";
import { groupSize } from "./heads.js";
import { softCapped } from "./soft-cap.js";

/** [rows, keyValueHeads, group, queries, width] stacked. */
export const stack = (graph: GraphBuilder, x: Value, width: number): Value =>
  graph.op("Reshape", [x, graph.ints([0, 0, -1, width])]);

/** The inverse. */
export const unstack = (graph: GraphBuilder, x: Value, settings: AttentionSettings): Value =>
  graph.op("Reshape", [x, graph.ints([0, 0, groupSize(settings), -1, settings.headDim])]);

export interface Probabilities {
  /** softmax(scores + mask), [rows, keyValueHeads, group * queries, keys] */
  readonly p: Value;
  /** scale q k^T, soft-capped if configured: differentiated next. */
  readonly scores: Value;
}

/**
 * @param queries stacked, [rows, keyValueHeads, group * queries, headDim]
 * @param keys [rows, keyValueHeads, keys, headDim]
 * @param mask [rows, 1, 1, queries, keys]
 */
export function probabilities(
  graph: GraphBuilder,
  queries: Value,
  keys: Value,
  mask: Value,
  settings: AttentionSettings,
): Probabilities {
  const products = graph.product(queries, keys, { transB: true, alpha: settings.scale, rank: 4 });
  const scores = softCapped(graph, products, settings.softCap);
  const keyCount = graph.op("Shape", [scores], { start: 3, end: 4 });
  const apart = graph.op("Concat", [graph.ints([0, 0, groupSize(settings), -1]), keyCount], { axis: 0 });
  const masked = graph.op("Add", [graph.op("Reshape", [scores, apart]), mask]);
  const p = graph.op("Reshape", [graph.op("Softmax", [masked], { axis: -1 }), graph.op("Shape", [scores])]);
  return { p, scores };
}
