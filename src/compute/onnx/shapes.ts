/** Reshapes in a graph whose number of rows and row length are known only when it runs. */
import type { Dims, GraphBuilder, Value } from "./graph-builder.js";

export class Shapes {
  readonly #graph: GraphBuilder;
  readonly #tokenIds: Value;
  readonly #shapes = new Map<string, Value>();

  /** @param tokenIds [rows, length] */
  constructor(graph: GraphBuilder, tokenIds: Value) {
    this.#graph = graph;
    this.#tokenIds = tokenIds;
  }

  /** `value` as [rows, length, ...rest] */
  rowsLength(value: Value, rest: readonly number[]): Value {
    const dims: Dims = ["rows", "length", ...rest];
    const key = dims.join();
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      shape = this.#graph.op("Concat", [this.#graph.op("Shape", [this.#tokenIds]), this.#graph.ints(rest)], {
        axis: 0,
      });
      this.#shapes.set(key, shape);
    }
    return this.#graph.reshape(value, shape, dims);
  }
}
