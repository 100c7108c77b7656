/** A constant times a tensor. */
import type { GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";

export function scale({ graph, tape }: GraphContext, x: Value, factor: number): Value {
  if (factor === 1) return x;
  const times = (value: Value): Value => graph.declare(graph.op("Mul", [value, graph.float(factor)]), graph.dimsOf(x));
  const output = times(x);
  if (tape?.needs(x) === true) {
    tape.record([output], ([gradient]) => {
      if (gradient !== undefined) tape.accumulate(x, times(gradient));
    });
  }
  return output;
}
