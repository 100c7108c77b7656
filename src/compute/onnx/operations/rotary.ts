/** Rotary position embedding and its gradient: a rotation's transpose is the rotation by the opposite angle. */
import type { RotarySettings } from "../../ops.js";
import { flatten, type GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";

/** @param heads how many heads x [tokens, heads * headDim] has */
export function rotary(context: GraphContext, x: Value, heads: number, settings: RotarySettings): Value {
  const { tape } = context;
  const { sin, negativeSin } = context.inputs;
  const width = heads * settings.inverseFrequencies.length * 2;
  const output = rotate(context, x, width, sin);
  if (tape?.needs(x) === true) {
    tape.record([output], ([gradient]) => {
      if (gradient !== undefined) tape.accumulate(x, rotate(context, gradient, width, negativeSin));
    });
  }
  return output;
}

function rotate({ graph, inputs, shapes }: GraphContext, x: Value, width: number, sin: Value): Value {
  const rows = shapes.rowsLength(x, [width]);
  return flatten(graph, graph.runtimeOp("RotaryEmbedding", [rows, inputs.positions, inputs.cos, sin]), width);
}
