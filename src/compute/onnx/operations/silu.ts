/** silu(x) = x sigmoid(x); silu' = sigmoid (1 + x - silu). */
import type { Value } from "../graph-builder.js";
import type { Activation } from "./activation.js";

interface SiluParts {
  readonly x: Value;
  readonly sigmoid: Value;
  readonly value: Value;
}

export const silu: Activation<SiluParts> = {
  forward: (graph, x) => graph.silu(x),

  parts(graph, x) {
    const sigmoid = graph.op("Sigmoid", [x]);
    return { x, sigmoid, value: graph.op("Mul", [x, sigmoid]) };
  },

  slope(graph, { x, sigmoid, value }) {
    return graph.op("Mul", [sigmoid, graph.op("Add", [graph.op("Sub", [x, value]), graph.float(1)])]);
  },
};
