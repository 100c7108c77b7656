/** Attention in generation: new tokens see all of their row's earlier ones, whose keys and values are kept. */
import { masked } from "./batch-scope.js";
import type { AttentionScope } from "./context.js";
import type { GraphBuilder, Value } from "./graph-builder.js";

/** The graph input, or output, of a layer's cached keys or values, [rows, keyValueHeads, places, headDim]. */
export const pastName = (layer: number, part: "key" | "value"): string => `past_${part}_${layer}`;
export const presentName = (layer: number, part: "key" | "value"): string => `present_${part}_${layer}`;

export interface CacheShape {
  readonly keyValueHeads: number;
  readonly headDim: number;
}

export class CacheScope implements AttentionScope {
  readonly blocks = null;
  readonly #graph: GraphBuilder;
  readonly #shape: CacheShape;
  /** Position of each new token, int64 [rows, length]. */
  readonly #positions: Value;
  /** Position of each place so far, the new ones included, int64 [rows, places]. */
  readonly #placePositions: Value;
  /** Whether a place has a token, bool [rows, places]. */
  readonly #placeValid: Value;
  readonly #masks = new Map<number | null, Value>();

  constructor(graph: GraphBuilder, shape: CacheShape, positions: Value) {
    this.#graph = graph;
    this.#shape = shape;
    this.#positions = positions;
    this.#placePositions = graph.input("place_positions", "int64", ["rows", "places"]);
    this.#placeValid = graph.input("place_valid", "bool", ["rows", "places"]);
  }

  extend(layer: number, part: "key" | "value", states: Value): Value {
    const { keyValueHeads, headDim } = this.#shape;
    const past = this.#graph.input(pastName(layer, part), "float32", ["rows", keyValueHeads, "past", headDim]);
    const all = this.#graph.op("Concat", [past, states], { axis: 2 });
    this.#graph.output(presentName(layer, part), all, "float32", ["rows", keyValueHeads, "places", headDim]);
    return all;
  }

  mask(window: number | null): Value {
    let mask = this.#masks.get(window);
    if (mask === undefined) {
      mask = this.#build(window);
      this.#masks.set(window, mask);
    }
    return mask;
  }

  /** Positions grow from place to place within a row, so causality is a comparison of positions. */
  #build(window: number | null): Value {
    const graph = this.#graph;
    const query = graph.op("Unsqueeze", [this.#positions, graph.ints([2])]);
    const key = graph.op("Unsqueeze", [this.#placePositions, graph.ints([1])]);
    let visible = graph.op("LessOrEqual", [key, query]);
    if (window !== null) {
      const distance = graph.op("Sub", [query, key]);
      visible = graph.op("And", [visible, graph.op("Less", [distance, graph.int(window, "int64")])]);
    }
    visible = graph.op("And", [visible, graph.op("Unsqueeze", [this.#placeValid, graph.ints([1])])]);
    const mask = graph.op("Where", [visible, graph.float(0), graph.float(masked)]);
    return graph.op("Unsqueeze", [mask, graph.ints([1, 2])]);
  }
}
