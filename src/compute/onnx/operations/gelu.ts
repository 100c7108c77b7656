/**
 * gelu by tanh, alone or times another tensor, and the gradients; outputs are computed again in the backward pass rather
 * than kept until then.
 *
 * With u = sqrt(2 / pi) (x + 0.044715 x^3) and t = tanh(u): gelu = x (1 + t) / 2, and
 * gelu' = (1 + t) / 2 + x (1 - t^2) u' / 2, where u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2).
 */
import type { GraphContext } from "../context.js";
import type { GraphBuilder, Value } from "../graph-builder.js";

const slopeAtZero = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

/** What the gradient needs besides. */
interface GeluParts {
  readonly x: Value;
  readonly square: Value;
  readonly tanh: Value;
  /** (1 + tanh) / 2 */
  readonly share: Value;
  readonly gelu: Value;
}

function parts(graph: GraphBuilder, x: Value): GeluParts {
  const square = graph.op("Mul", [x, x]);
  const bend = graph.op("Add", [graph.op("Mul", [square, graph.float(slopeAtZero * cubic)]), graph.float(slopeAtZero)]);
  const tanh = graph.op("Tanh", [graph.op("Mul", [x, bend])]);
  const share = graph.op("Add", [graph.op("Mul", [tanh, graph.float(0.5)]), graph.float(0.5)]);
  return { x, square, tanh, share, gelu: graph.op("Mul", [x, share]) };
}

function slope(graph: GraphBuilder, { x, square, tanh, share }: GeluParts): Value {
  const bend = graph.op("Mul", [square, graph.float(1.5 * slopeAtZero * cubic)]);
  const half = graph.op("Mul", [x, graph.op("Add", [bend, graph.float(0.5 * slopeAtZero)])]);
  const rest = graph.op("Sub", [graph.float(1), graph.op("Mul", [tanh, tanh])]);
  return graph.op("Add", [share, graph.op("Mul", [rest, half])]);
}

export function geGlu(context: GraphContext, gate: Value, up: Value): Value {
  return gelu(context, gate, up);
}

/** @param factor what gelu(x) is multiplied by; null multiplies by nothing */
export function gelu(context: GraphContext, x: Value, factor: Value | null = null): Value {
  const { graph, tape, activations } = context;
  const times = (value: Value): Value => (factor === null ? value : graph.op("Mul", [value, factor]));
  const output = graph.declare(times(parts(graph, x).gelu), graph.dimsOf(x));
  if (tape === null || !(tape.needs(x) || (factor !== null && tape.needs(factor)))) return output;
  /** Of the backward pass, which the recomputed output shares. */
  let again: GeluParts | null = null;
  const recomputed = (dependency: Value): GeluParts => (again ??= parts(graph, activations.hold(x, dependency)));
  activations.onDemand(output, (dependency) => times(recomputed(dependency).gelu));
  tape.record([output], ([gradient]) => {
    if (gradient === undefined) return;
    const inside = recomputed(gradient);
    if (factor !== null) tape.accumulate(factor, graph.op("Mul", [gradient, inside.gelu]));
    if (tape.needs(x)) tape.accumulate(x, graph.op("Mul", [times(gradient), slope(graph, inside)]));
  });
  return output;
}
