/** Attention within a batch of training rows: causal, within each example, within the window. */
import type { AttentionBlocks, AttentionScope } from "./context.js";
import type { GraphBuilder, Value } from "./graph-builder.js";

/** Below any score by so much that its exponential is 0, yet finite: a row that sees nothing must not become NaN. */
export const masked = -3.4028234663852886e38;

export class BatchScope implements AttentionScope {
  readonly blocks: AttentionBlocks;
  readonly #graph: GraphBuilder;
  readonly #segments: Value;
  readonly #masks = new Map<number | null, Value>();

  /** @param segments number of each token's example within its row, int32 [rows, length]; padding is one of its own */
  constructor(graph: GraphBuilder, segments: Value) {
    this.#graph = graph;
    this.#segments = segments;
    const count = graph.input("attention_blocks", "int64", []);
    const length = graph.op("Shape", [segments], { start: 1, end: 2 });
    this.blocks = { count, length, size: graph.op("Div", [length, count]) };
  }

  extend(_layer: number, _part: "key" | "value", states: Value): Value {
    return states;
  }

  mask(window: number | null): Value {
    let mask = this.#masks.get(window);
    if (mask === undefined) {
      mask = this.#build(window);
      this.#masks.set(window, mask);
    }
    return mask;
  }

  #build(window: number | null): Value {
    const graph = this.#graph;
    const segments = this.#segments;
    const length = graph.op("Squeeze", [this.blocks.length]);
    const places = graph.op("Range", [graph.int(0, "int64"), length, graph.int(1, "int64")]);
    const query = graph.op("Unsqueeze", [places, graph.ints([1])]);
    const key = graph.op("Unsqueeze", [places, graph.ints([0])]);
    let visible = graph.op("LessOrEqual", [key, query]);
    if (window !== null) {
      const distance = graph.op("Sub", [query, key]);
      visible = graph.op("And", [visible, graph.op("Less", [distance, graph.int(window, "int64")])]);
    }
    const sameExample = graph.op("Equal", [
      graph.op("Unsqueeze", [segments, graph.ints([2])]),
      graph.op("Unsqueeze", [segments, graph.ints([1])]),
    ]);
    visible = graph.op("And", [sameExample, visible]);
    const mask = graph.op("Where", [visible, graph.float(0), graph.float(masked)]);
    return graph.op("Unsqueeze", [mask, graph.ints([1, 2])]);
  }
}
