/** RMS norm and its gradient. The output is computed again in the backward pass rather than kept until then. */
import type { RmsNormSettings } from "../../ops.js";
import { flatten, type GraphContext } from "../context.js";
import type { GraphBuilder, Value } from "../graph-builder.js";

export function rmsNorm(context: GraphContext, x: Value, settings: RmsNormSettings): Value {
  const { graph, weights, tape, activations } = context;
  const { width, epsilon, offset } = settings;
  const stored = weights.vector(settings.weight);
  const weight = offset === 0 ? stored : graph.op("Add", [stored, graph.float(offset)], {}, { early: true });
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  const normed = (input: Value): Value =>
    whole(
      context,
      graph.op("SimplifiedLayerNormalization", [grouped(context, input, settings), weight], attributes),
      settings,
    );
  const output = normed(x);
  if (tape === null) return output;
  activations.onDemand(output, (dependency) => normed(activations.hold(x, dependency)));
  if (tape.needs(x)) {
    tape.record([output], ([gradient]) => {
      if (gradient === undefined) return;
      const toGroups = backward(
        context,
        grouped(context, x, settings),
        weight,
        grouped(context, gradient, settings),
        width,
        epsilon,
      );
      tape.accumulate(x, whole(context, toGroups, settings));
    });
  }
  return output;
}

/**
 * With r = 1 / sqrt(mean(x^2) + epsilon) and g = gradient * weight: dx = g r - x r^3 mean(g x).
 * All [n, width]. r is computed here, since not every execution provider outputs it.
 */
function backward(
  { graph }: GraphContext,
  x: Value,
  weight: Value,
  gradient: Value,
  width: number,
  epsilon: number,
): Value {
  const axis = graph.ints([-1]);
  const inverse = inverseRootMeanSquare(graph, x, width, epsilon);
  const g = graph.op("Mul", [gradient, weight]);
  const dot = graph.op("ReduceSum", [graph.op("Mul", [g, x]), axis], { keepdims: 1 });
  const inverseCubed = graph.op("Mul", [graph.op("Mul", [inverse, inverse]), inverse]);
  const factor = graph.op("Mul", [graph.op("Mul", [dot, graph.float(1 / width)]), inverseCubed]);
  return graph.op("Sub", [graph.op("Mul", [g, inverse]), graph.op("Mul", [x, factor])]);
}

/** 1 / sqrt(mean(x^2) + epsilon) of [n, width]: [n, 1] */
export function inverseRootMeanSquare(graph: GraphBuilder, x: Value, width: number, epsilon: number): Value {
  const squares = graph.op("ReduceSumSquare", [x, graph.ints([-1])], { keepdims: 1 });
  const mean = graph.op("Add", [graph.op("Mul", [squares, graph.float(1 / width)]), graph.float(epsilon)]);
  return graph.op("Reciprocal", [graph.op("Sqrt", [mean])]);
}

/** [tokens, groups * width] as [tokens * groups, width]. */
const grouped = ({ graph }: GraphContext, value: Value, { width, groups }: RmsNormSettings): Value =>
  groups === 1 ? value : graph.reshape(value, graph.ints([-1, width]), [`tokens*${groups}`, width]);

/** The inverse. */
const whole = ({ graph }: GraphContext, value: Value, { width, groups }: RmsNormSettings): Value =>
  groups === 1 ? graph.declare(value, ["tokens", width]) : flatten(graph, value, width * groups);
