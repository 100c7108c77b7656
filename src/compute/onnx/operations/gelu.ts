/**
 * gelu by tanh: with u = sqrt(2 / pi) (x + 0.044715 x^3) and t = tanh(u), gelu = x (1 + t) / 2 and
 * gelu' = (1 + t) / 2 + x (1 - t^2) u' / 2, where u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2).
 */
import type { Value } from "../graph-builder.js";
import type { Activation } from "./activation.js";

const slopeAtZero = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

interface GeluParts {
  readonly x: Value;
  readonly square: Value;
  readonly tanh: Value;
  /** (1 + tanh) / 2 */
  readonly share: Value;
  readonly value: Value;
}

export const gelu: Activation<GeluParts> = {
  forward: (graph, x) => gelu.parts(graph, x).value,

  parts(graph, x) {
    const square = graph.op("Mul", [x, x]);
    const bend = graph.op("Add", [
      graph.op("Mul", [square, graph.float(slopeAtZero * cubic)]),
      graph.float(slopeAtZero),
    ]);
    const tanh = graph.op("Tanh", [graph.op("Mul", [x, bend])]);
    const share = graph.op("Add", [graph.op("Mul", [tanh, graph.float(0.5)]), graph.float(0.5)]);
    return { x, square, tanh, share, value: graph.op("Mul", [x, share]) };
  },

  slope(graph, { x, square, tanh, share }) {
    const bend = graph.op("Mul", [square, graph.float(1.5 * slopeAtZero * cubic)]);
    const half = graph.op("Mul", [x, graph.op("Add", [bend, graph.float(0.5 * slopeAtZero)])]);
    const rest = graph.op("Sub", [graph.float(1), graph.op("Mul", [tanh, tanh])]);
    return graph.op("Add", [share, graph.op("Mul", [rest, half])]);
  },
};
