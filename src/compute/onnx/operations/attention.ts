/**
 * Grouped-query attention and its gradient. Queries of the heads that share a key/value head lie one below the other,
 * so keys and values are never repeated. Probabilities [rows, heads, length, keys] are not kept: the backward pass
 * computes them again from queries and keys, one layer at a time.
 */
import type { AttentionSettings } from "../../ops.js";
import type { GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";
import { groupQueries, groupSize, mergeHeads, splitHeads, sumPerQuery, ungroupQueries } from "./heads.js";

/** What the backward pass starts from. */
interface Kept {
  /** [rows, keyValueHeads, group * length, headDim] */
  readonly queries: Value;
  /** [rows, keyValueHeads, keys, headDim] */
  readonly keys: Value;
  readonly values: Value;
  /** [tokens, heads * headDim] */
  readonly output: Value;
}

export function attention(context: GraphContext, q: Value, k: Value, v: Value, settings: AttentionSettings): Value {
  const { graph, scope, tape } = context;
  const queries = groupQueries(context, q, settings);
  const keys = scope.extend(settings.layer, "key", splitHeads(context, k, settings));
  const values = scope.extend(settings.layer, "value", splitHeads(context, v, settings));
  const mixed = graph.op("MatMul", [probabilities(context, queries, keys, settings), values]);
  const output = ungroupQueries(context, mixed, settings);
  if (tape !== null && [q, k, v].some((value) => tape.needs(value))) {
    tape.record([output], ([gradient]) => {
      if (gradient === undefined) return;
      const toInputs = backward(context, { queries, keys, values, output }, gradient, settings);
      tape.accumulate(q, toInputs.q);
      tape.accumulate(k, toInputs.k);
      tape.accumulate(v, toInputs.v);
    });
  }
  return output;
}

/** softmax(scale q k^T + mask), [rows, keyValueHeads, group * length, keys] */
function probabilities(context: GraphContext, queries: Value, keys: Value, settings: AttentionSettings): Value {
  const { graph, scope, shapes } = context;
  const alpha = { float: settings.scale };
  const scores = graph.runtimeOp("FusedMatMul", [queries, keys], { transB: 1, alpha });
  const { keyValueHeads, window } = settings;
  const apart = shapes.groups(scores, keyValueHeads, groupSize(settings), scope.places);
  const softmax = graph.op("Softmax", [graph.op("Add", [apart, scope.mask(window)])], { axis: -1 });
  return graph.reshape(softmax, graph.op("Shape", [scores]), ["rows", keyValueHeads, "queries", scope.places]);
}

/**
 * With P the probabilities and dP = gradient v^T: the scores' gradient is P (dP - rowsum(P dP)), and rowsum(P dP) is
 * the sum over headDim of gradient * output (as in FlashAttention, Dao 2022).
 */
function backward(
  context: GraphContext,
  kept: Kept,
  gradient: Value,
  settings: AttentionSettings,
): Record<"q" | "k" | "v", Value> {
  const { graph, activations } = context;
  const alpha = { float: settings.scale };
  const queries = activations.hold(kept.queries, gradient);
  const p = probabilities(context, queries, kept.keys, settings);
  const toMixed = groupQueries(context, gradient, settings);
  // Keys' and values' gradients are computed transposed: the narrow matrix is then the one that the product transposes.
  const toValues = graph.runtimeOp("FusedMatMul", [toMixed, p], { transA: 1 });
  const toP = graph.runtimeOp("FusedMatMul", [toMixed, kept.values], { transB: 1 });
  const rowSums = sumPerQuery(context, graph.op("Mul", [gradient, kept.output]), settings);
  const toScores = graph.op("Mul", [p, graph.op("Sub", [toP, rowSums])]);
  const toQueries = graph.runtimeOp("FusedMatMul", [toScores, kept.keys], { alpha });
  const toKeys = graph.runtimeOp("FusedMatMul", [queries, toScores], { transA: 1, alpha });
  return {
    q: ungroupQueries(context, toQueries, settings),
    k: mergeHeads(context, toKeys, settings),
    v: mergeHeads(context, toValues, settings),
  };
}
