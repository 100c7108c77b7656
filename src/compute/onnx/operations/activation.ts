/**
 * An activation function, alone or times another tensor (a gated unit, Shazeer 2020), and the gradients; outputs are
 * computed again in the backward pass rather than kept until then.
 */
import type { GraphContext } from "../context.js";
import type { GraphBuilder, Value } from "../graph-builder.js";

/** @typeParam Parts the intermediate results shared by the function's value and its slope */
export interface Activation<Parts extends { readonly value: Value }> {
  /** f(x) of the forward pass. */
  forward(graph: GraphBuilder, x: Value): Value;
  /** Recomputes f(x) with the same bits, and the parts that its slope needs. */
  parts(graph: GraphBuilder, x: Value): Parts;
  /** f'(x) */
  slope(graph: GraphBuilder, parts: Parts): Value;
}

/** @param factor multiplied with f(x); null: none */
export function activate<Parts extends { readonly value: Value }>(
  { graph, tape, activations }: GraphContext,
  activation: Activation<Parts>,
  x: Value,
  factor: Value | null = null,
): Value {
  const times = (value: Value): Value => (factor === null ? value : graph.op("Mul", [value, factor]));
  const output = graph.declare(times(activation.forward(graph, x)), graph.dimsOf(x));
  if (tape === null || !(tape.needs(x) || (factor !== null && tape.needs(factor)))) return output;
  /** Of the backward pass, which the recomputed output shares. */
  let again: Parts | null = null;
  const recomputed = (dependency: Value): Parts => (again ??= activation.parts(graph, activations.hold(x, dependency)));
  activations.onDemand(output, (dependency) => times(recomputed(dependency).value));
  tape.record([output], ([gradient]) => {
    if (gradient === undefined) return;
    const inside = recomputed(gradient);
    if (factor !== null) tape.accumulate(factor, graph.op("Mul", [gradient, inside.value]));
    if (!tape.needs(x)) return;
    const slope = activation.slope(graph, inside);
    tape.accumulate(x, graph.op("Mul", [times(gradient), slope]));
  });
  return output;
}
