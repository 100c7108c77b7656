/** What the operations on one batch share: weights, adapters, products, the batch itself and the tape. */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Adapters } from "./adapters.js";
import type { BlockRange } from "./masks.js";
import type { Products } from "./products.js";
import type { Sequence } from "./sequence.js";
import type { Tape } from "./tape.js";
import type { Weights } from "./weights.js";

/** A block of queries, and the keys that any of them may see. */
export interface AttentionBlock extends BlockRange {
  /** Added to scores: 0 where a query sees a key, else a very negative number, [rows, 1, queries, keys]. */
  readonly mask: Tensor;
}

/** Keys and values that a query may see, and which. Training sees the batch; generation also what came before. */
export interface AttentionScope {
  /** Turns a layer's new keys or values [rows, heads, length, headDim] into all that are in scope, in order. */
  extend(layer: number, part: "key" | "value", states: Tensor): Tensor;
  /** The blocks that attention is computed in, one after another. */
  blocks(window: number | null): readonly AttentionBlock[];
}

/** Which elements of a module's input dropout keeps. */
export interface Dropout {
  /** 1 for an element that is kept, [elements]. */
  mask(module: string, elements: number): Uint8Array;
  /** Factor of kept elements: 1 / (1 - p). */
  readonly keepScale: number;
}

export interface TensorContext {
  readonly weights: Pick<Weights, "get" | "matrix">;
  readonly adapters: Adapters;
  readonly products: Products;
  readonly sequence: Sequence;
  readonly scope: AttentionScope;
  /** null if nothing is dropped. */
  readonly dropout: Dropout | null;
  /** Records what is differentiated; null if nothing is. */
  tape: Tape | null;
}
