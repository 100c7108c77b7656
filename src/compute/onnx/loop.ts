/** ONNX's Loop with a fixed number of iterations. */
import type { Dims, GraphBuilder, Value } from "./graph-builder.js";

/** A tensor that is carried between iterations, or produced by one. */
export interface LoopValue {
  readonly value: Value;
  readonly dims: Dims;
}

export interface LoopRound {
  /** The carried tensors for the next round, one per input. */
  readonly carried: readonly Value[];
  /** The outputs of the round; equal in size in all rounds. */
  readonly given: readonly LoopValue[];
}

export interface LoopResult {
  /** The carried tensors after the last round. */
  readonly carried: readonly Value[];
  /** The outputs of the rounds, stacked: [rounds, …]. */
  readonly given: readonly Value[];
}

/**
 * @param count number of rounds, int64 without dimensions, 1 or more
 * @param carried initial f32 tensors
 * @param build emits a round; `round` counts from 0, int64 without dimensions. It may use values of `graph`.
 */
export function loop(
  graph: GraphBuilder,
  count: Value,
  carried: readonly LoopValue[],
  build: (body: GraphBuilder, round: Value, carried: readonly Value[]) => LoopRound,
): LoopResult {
  const body = graph.body();
  const round = body.input(body.freshName("round"), "int64", []);
  const going = body.input(body.freshName("going"), "bool", []);
  const incoming = carried.map(({ dims }) => body.input(body.freshName("carried"), "float32", dims));
  const result = build(body, round, incoming);
  body.output(body.freshName("still_going"), body.op("Identity", [going]), "bool", []);
  result.carried.forEach((value, i) => {
    body.output(body.freshName("carried"), value, "float32", carried[i]?.dims ?? []);
  });
  for (const { value, dims } of result.given) body.output(body.freshName("given"), value, "float32", dims);
  const initial = carried.map(({ value }) => value);
  const outputs = graph.ops("Loop", [count, null, ...initial], carried.length + result.given.length, {
    body: { graph: body.graph("round") },
  });
  return { carried: outputs.slice(0, carried.length), given: outputs.slice(carried.length) };
}
