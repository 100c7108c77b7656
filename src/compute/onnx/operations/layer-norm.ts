/** Layer norm and its gradient. The output is computed again in the backward pass rather than kept until then. */
import type { LayerNormSettings } from "../../ops.js";
import type { GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";
import { inverseRootMeanSquare } from "./norm.js";

export function layerNorm(context: GraphContext, x: Value, settings: LayerNormSettings): Value {
  const { graph, weights, tape, activations } = context;
  const [weight, bias] = [weights.vector(settings.weight), weights.vector(settings.bias)];
  const attributes = { axis: -1, epsilon: { float: settings.epsilon } };
  const normed = (input: Value): Value =>
    graph.declare(graph.op("LayerNormalization", [input, weight, bias], attributes), graph.dimsOf(x));
  const output = normed(x);
  if (tape === null) return output;
  activations.onDemand(output, (dependency) => normed(activations.hold(x, dependency)));
  if (tape.needs(x)) {
    tape.record([output], ([gradient]) => {
      if (gradient !== undefined) tape.accumulate(x, backward(context, x, weight, gradient, settings));
    });
  }
  return output;
}

/**
 * With c = x - mean(x), r = 1 / sqrt(mean(c^2) + epsilon) and g = gradient * weight:
 * dx = r (g - mean(g)) - c r^3 mean(g c).
 */
function backward(
  { graph }: GraphContext,
  x: Value,
  weight: Value,
  gradient: Value,
  { width, epsilon }: LayerNormSettings,
): Value {
  const mean = (value: Value): Value => graph.op("ReduceMean", [value, graph.ints([-1])], { keepdims: 1 });
  const centred = graph.op("Sub", [x, mean(x)]);
  const inverse = inverseRootMeanSquare(graph, centred, width, epsilon);
  const g = graph.op("Mul", [gradient, weight]);
  const inverseCubed = graph.op("Mul", [graph.op("Mul", [inverse, inverse]), inverse]);
  const factor = graph.op("Mul", [mean(graph.op("Mul", [g, centred])), inverseCubed]);
  const straight = graph.op("Mul", [graph.op("Sub", [g, mean(g)]), inverse]);
  return graph.declare(graph.op("Sub", [straight, graph.op("Mul", [centred, factor])]), graph.dimsOf(x));
}
