/**
 * Controls the order of execution by data dependencies. The runtime runs nodes in the order of a depth-first walk,
 * which would compute recomputed activations long before they are needed, and parameter gradients long after (keeping
 * alive all that they depend on). A barrier is a Reshape to the shape that a tensor already has, by a shape vector that
 * is computed from other tensors' shapes: it costs no copy, and nothing behind it can run before those tensors exist.
 */
import type { Dims, GraphBuilder, Value } from "./graph-builder.js";

/**
 * `value`, available only once all of `dependencies` are computed.
 * @param dims of `value`
 */
export function after(
  graph: GraphBuilder,
  value: Value,
  dependencies: readonly Value[],
  dims: Dims = graph.dimsOf(value),
): Value {
  if (dependencies.length === 0) return value;
  const sizes = dependencies.map((dependency) => graph.op("Shape", [dependency], { start: 0, end: 1 }));
  const zeros = graph.op("Mul", [graph.op("Concat", sizes, { axis: 0 }), graph.int(0, "int64")]);
  const zero = sizes.length === 1 ? zeros : graph.op("ReduceSum", [zeros], { keepdims: 1 });
  // In a Reshape's shape, 0 means: as it was.
  const unchanged = graph.ints(Array<number>(dims.length - 1).fill(0));
  return graph.reshape(value, graph.op("Concat", [zero, unchanged], { axis: 0 }), dims);
}
