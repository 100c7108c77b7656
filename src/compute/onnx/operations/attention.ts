/**
 * Grouped-query attention and its gradient. Probabilities [rows, heads, length, keys] are not kept: the backward pass
 * computes them again from queries and keys, one layer at a time.
 */
import type { AttentionSettings } from "../../ops.js";
import type { GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";
import { blockedAttention, blockedBackward } from "./attention-blocks.js";
import { probabilities, stack, unstack } from "./attention-core.js";
import { mergeQueries, splitHeads, splitQueries } from "./heads.js";

export function attention(context: GraphContext, q: Value, k: Value, v: Value, settings: AttentionSettings): Value {
  const { scope, tape } = context;
  const queries = splitQueries(context, q, settings);
  const keys = scope.extend(settings.layer, "key", splitHeads(context, k, settings));
  const values = scope.extend(settings.layer, "value", splitHeads(context, v, settings));
  const { blocks } = scope;
  if (blocks === null) return whole(context, queries, keys, values, settings);
  const output = blockedAttention(context, blocks, { queries, keys, values }, settings);
  if (tape !== null && [q, k, v].some((value) => tape.needs(value))) {
    tape.record([output], ([gradient]) => {
      if (gradient === undefined) return;
      const toInputs = blockedBackward(context, blocks, { queries, keys, values }, output, gradient, settings);
      tape.accumulate(q, toInputs.q);
      tape.accumulate(k, toInputs.k);
      tape.accumulate(v, toInputs.v);
    });
  }
  return output;
}

/** All queries in one piece, without a gradient. */
function whole(context: GraphContext, queries: Value, keys: Value, values: Value, settings: AttentionSettings): Value {
  const { graph, scope } = context;
  const stacked = stack(graph, queries, settings.headDim);
  const { p } = probabilities(graph, stacked, keys, scope.mask(settings.window), settings);
  return mergeQueries(context, unstack(graph, graph.op("MatMul", [p, values]), settings), settings);
}
