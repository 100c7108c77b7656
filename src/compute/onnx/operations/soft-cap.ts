/** Soft-capping (Gemma 2): cap * tanh(x / cap), for logits and attention scores. */
import type { GraphBuilder, Value } from "../graph-builder.js";

/** @param cap null: `x` is unchanged */
export function softCapped(graph: GraphBuilder, x: Value, cap: number | null): Value {
  if (cap === null) return x;
  return graph.op("Mul", [graph.op("Tanh", [graph.op("Mul", [x, graph.float(1 / cap)])]), graph.float(cap)]);
}

/**
 * From the gradient of the capped value to that of x: times 1 - (capped / cap)^2.
 * @param capped the result of `softCapped`
 */
export function throughSoftCap(graph: GraphBuilder, gradient: Value, capped: Value, cap: number | null): Value {
  if (cap === null) return gradient;
  const share = graph.op("Mul", [capped, graph.float(1 / cap)]);
  const slope = graph.op("Sub", [graph.float(1), graph.op("Mul", [share, share])]);
  return graph.op("Mul", [gradient, slope]);
}
