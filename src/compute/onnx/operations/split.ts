/** Consecutive columns of a tensor, and their gradient: side by side again. */
import type { GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";

/** @param widths add up to the features of x [tokens, features] */
export function split({ graph, tape }: GraphContext, x: Value, widths: readonly number[]): Value[] {
  const outputs = graph.ops("Split", [x, graph.ints(widths)], widths.length, { axis: 1 });
  outputs.forEach((output, i) => graph.declare(output, ["tokens", widths[i] ?? 0]));
  if (tape?.needs(x) === true) {
    tape.record(outputs, (gradients) => {
      const parts = outputs.map((output, i) => gradients[i] ?? zerosLike(output));
      const whole = graph.op("Concat", parts, { axis: 1 });
      tape.accumulate(x, graph.declare(whole, graph.dimsOf(x)));
    });
  }
  return outputs;

  function zerosLike(value: Value): Value {
    return graph.op("Expand", [graph.float(0), graph.op("Shape", [value])]);
  }
}
