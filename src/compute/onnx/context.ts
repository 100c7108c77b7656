/**
 * State shared by the operations of one graph: the graph, its weights and adapters, the tape, and the batch's inputs.
 */
import type { RotarySettings } from "../ops.js";
import { after } from "./barrier.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import type { Shapes } from "./shapes.js";
import type { Tape } from "./tape.js";
import type { Weights } from "./weights.js";

/** The adapter of a module: A [r, in], B [out, r]. */
export interface Adapter {
  readonly a: Value;
  readonly b: Value;
  /** Which elements of the module's input are kept, bool [tokens, in]; null without dropout. */
  readonly keep: Value | null;
}

export interface AdapterSettings {
  readonly r: number;
  /** Factor of B A x. */
  readonly scale: number;
  /** Factor of kept elements: 1 / (1 - p). */
  readonly keepScale: number;
  readonly modules: ReadonlyMap<string, Adapter>;
}

/** cos, sin and -sin of the rotary angles of every position, [positions, rotated / 2]. */
export interface RotaryInputs {
  readonly cos: Value;
  readonly sin: Value;
  readonly negativeSin: Value;
}

/** The batch as graph values. */
export interface SequenceInputs {
  /** Token ids, int32 [rows, length]. */
  readonly tokenIds: Value;
  /** Position of each token within its example, int64 [rows, length]. */
  readonly positions: Value;
  readonly rotary: ReadonlyMap<RotarySettings, RotaryInputs>;
}

/** Blocks of consecutive places of equal size that attention is computed in. */
export interface AttentionBlocks {
  /** int64 without dimensions. */
  readonly count: Value;
  /** Places per block, int64 [1]. */
  readonly size: Value;
  /** Places of a row, int64 [1]. */
  readonly length: Value;
}

/** Keys and values that a query may see, and which. Training sees the batch; generation also what came before. */
export interface AttentionScope {
  /** The blocks of attention; null if it is computed in one piece (without a gradient). */
  readonly blocks: AttentionBlocks | null;
  /** Turns a layer's new keys or values [rows, heads, length, headDim] into all that are in scope, in order. */
  extend(layer: number, part: "key" | "value", states: Value): Value;
  /** Added to scores: 0 where a query sees a key, else a very negative number, [rows, 1, 1, length, keys]. */
  mask(window: number | null): Value;
}

export interface GraphContext {
  readonly graph: GraphBuilder;
  readonly weights: Weights;
  readonly adapters: AdapterSettings;
  readonly inputs: SequenceInputs;
  readonly shapes: Shapes;
  readonly scope: AttentionScope;
  /** Records what is differentiated; null if nothing is. */
  tape: Tape | null;
  readonly activations: Activations;
}

/** Activations that are cheaper to compute again in the backward pass than to keep until then. */
export class Activations {
  readonly #graph: GraphBuilder;
  readonly #enabled: boolean;
  readonly #recompute = new Map<string, (dependency: Value) => Value>();

  /** @param enabled false: keeps all, because whole layers are recomputed anyway */
  constructor(graph: GraphBuilder, enabled: boolean) {
    this.#graph = graph;
    this.#enabled = enabled;
  }

  /** @param recompute emits the value once more, not to run before `dependency` is there */
  onDemand(value: Value, recompute: (dependency: Value) => Value): void {
    if (this.#enabled) this.#recompute.set(value.name, recompute);
  }

  /** `value` for use in the backward pass, where `dependency` is a gradient that the use needs as well. */
  recall(value: Value, dependency: Value): Value {
    return this.#recompute.get(value.name)?.(dependency) ?? value;
  }

  /** A kept value that is not to be touched before `dependency` is there. */
  hold(value: Value, dependency: Value): Value {
    return after(this.#graph, value, [dependency]);
  }
}

/** [rows, length, ...] flattened to [tokens, width]. */
export function flatten(graph: GraphBuilder, value: Value, width: number): Value {
  return graph.reshape(value, graph.ints([-1, width]), ["tokens", width]);
}
