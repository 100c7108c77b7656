/** Rotary position embedding and its gradient: a rotation's transpose is the rotation by the opposite angle. */
import type { RotarySettings } from "../../ops.js";
import { CoxswainError } from "../../../errors.js";
import { flatten, type GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";

/** @param heads how many heads x [tokens, heads * headDim] has */
export function rotary(
  context: GraphContext,
  x: Value,
  heads: number,
  headDim: number,
  settings: RotarySettings,
): Value {
  const { graph, inputs, shapes, tape } = context;
  const tables = inputs.rotary.get(settings);
  if (tables === undefined) throw new CoxswainError("bug", "rotary settings without tables");
  const rotated = settings.inverseFrequencies.length * 2;
  const partial = rotated === headDim ? {} : { num_heads: heads, rotary_embedding_dim: rotated };
  const width = heads * headDim;
  const rotate = (value: Value, sin: Value): Value => {
    const rows = shapes.rowsLength(value, [width]);
    const result = graph.runtimeOp("RotaryEmbedding", [rows, inputs.positions, tables.cos, sin], partial);
    return flatten(graph, result, width);
  };
  const output = rotate(x, tables.sin);
  if (tape?.needs(x) === true) {
    tape.record([output], ([gradient]) => {
      if (gradient !== undefined) tape.accumulate(x, rotate(gradient, tables.negativeSin));
    });
  }
  return output;
}
