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
    return this.#reshape(value, ["rows", "length", ...rest]);
  }

  /** `value` as [rows, keyValueHeads, queries, width], where queries = group * length */
  queries(value: Value, keyValueHeads: number, width: number): Value {
    return this.#reshape(value, ["rows", keyValueHeads, "queries", width]);
  }

  /** `value` [rows, keyValueHeads, queries, last] as [rows, keyValueHeads, group, length, last] */
  groups(value: Value, keyValueHeads: number, group: number, last: number | string): Value {
    return this.#reshape(value, ["rows", keyValueHeads, group, "length", last]);
  }

  /** Dimensions other than "rows" and "length" that have a name are left to be inferred; there may be one. */
  #reshape(value: Value, dims: Dims): Value {
    const key = dims.join();
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      shape = this.#graph.op(
        "Concat",
        dims.map((size) => this.#size(size)),
        { axis: 0 },
      );
      this.#shapes.set(key, shape);
    }
    return this.#graph.reshape(value, shape, dims);
  }

  #size(size: number | string): Value {
    if (typeof size === "number") return this.#graph.ints([size]);
    if (size !== "rows" && size !== "length") return this.#graph.ints([-1]);
    const axis = size === "rows" ? 0 : 1;
    return this.#graph.op("Shape", [this.#tokenIds], { start: axis, end: axis + 1 });
  }
}
