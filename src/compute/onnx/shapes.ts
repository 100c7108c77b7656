/** Shape vectors of a graph whose number of rows and row length are known only when it runs. */
import type { GraphBuilder, Value } from "./graph-builder.js";

export class Shapes {
  readonly #graph: GraphBuilder;
  readonly #tokenIds: Value;
  readonly #known = new Map<string, Value>();

  /** @param tokenIds [rows, length] */
  constructor(graph: GraphBuilder, tokenIds: Value) {
    this.#graph = graph;
    this.#tokenIds = tokenIds;
  }

  /** [rows, length, ...rest] */
  rowsLength(rest: readonly number[]): Value {
    return this.#once(`rowsLength:${rest.join()}`, () => [this.#size(0), this.#size(1), this.#graph.ints(rest)]);
  }

  /** [rows, ...rest] */
  rows(rest: readonly number[]): Value {
    return this.#once(`rows:${rest.join()}`, () => [this.#size(0), this.#graph.ints(rest)]);
  }

  /** [rows, keyValueHeads, group, length, whatever remains] */
  headsApart(keyValueHeads: number, group: number): Value {
    return this.#once(`headsApart:${keyValueHeads},${group}`, () => [
      this.#size(0),
      this.#graph.ints([keyValueHeads, group]),
      this.#size(1),
      this.#graph.ints([-1]),
    ]);
  }

  #size(axis: number): Value {
    return this.#graph.op("Shape", [this.#tokenIds], { start: axis, end: axis + 1 });
  }

  #once(key: string, parts: () => readonly Value[]): Value {
    let shape = this.#known.get(key);
    if (shape === undefined) {
      shape = this.#graph.op("Concat", parts(), { axis: 0 });
      this.#known.set(key, shape);
    }
    return shape;
  }
}
