/** silu(gate) * up and its gradient; the output is computed again in the backward pass rather than kept until then. */
import type { GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";

export function swiGlu(context: GraphContext, gate: Value, up: Value): Value {
  const { graph, tape, activations } = context;
  const silu = graph.silu(gate);
  const output = graph.declare(graph.op("Mul", [silu, up]), graph.dimsOf(gate));
  if (tape === null || !(tape.needs(gate) || tape.needs(up))) return output;
  /** sigmoid(gate) and silu(gate) of the backward pass, which the recomputed output shares. */
  let again: { sigmoid: Value; silu: Value } | null = null;
  const recomputed = (dependency: Value): { sigmoid: Value; silu: Value } => {
    if (again === null) {
      const held = activations.hold(gate, dependency);
      const sigmoid = graph.op("Sigmoid", [held]);
      again = { sigmoid, silu: graph.op("Mul", [held, sigmoid]) };
    }
    return again;
  };
  activations.onDemand(output, (dependency) => graph.op("Mul", [recomputed(dependency).silu, up]));
  tape.record([output], ([gradient]) => {
    if (gradient === undefined) return;
    const { sigmoid, silu: ofGate } = recomputed(gradient);
    tape.accumulate(up, graph.op("Mul", [gradient, ofGate]));
    if (!tape.needs(gate)) return;
    // silu' = sigmoid (1 + gate - silu)
    const slope = graph.op("Mul", [sigmoid, graph.op("Add", [graph.op("Sub", [gate, ofGate]), graph.float(1)])]);
    tape.accumulate(gate, graph.op("Mul", [graph.op("Mul", [gradient, up]), slope]));
  });
  return output;
}
