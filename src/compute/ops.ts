/**
 * The operations that model families are written on. `T` is an engine's tensor: a symbol of a graph under construction
 * for the `onnx` engine. An implementation is bound to one batch (token ids, positions, who may see whom) and to one
 * purpose (training, loss, generation); a family knows nothing of either, nor of gradients.
 *
 * Activations are [tokens, features], where tokens = rows * length in row-major order, and f32.
 */
import type { LinearModule } from "../model/index.js";

/**
 * A linear layer as a family uses it: y = x W^T, or x W where stored so (+ bias) (+ scale * B A x where the module is
 * adapted).
 */
export interface Projection extends LinearModule {
  /** Whether `<path>.bias` exists beside `<path>.weight`. */
  readonly bias: boolean;
}

/** Rotary position embedding: what cos and sin are computed from. */
export interface RotarySettings {
  /** Radians per position, [rotated / 2], rounded to f32: the first `rotated` elements of each head are rotated. */
  readonly inverseFrequencies: Float32Array;
  /** Factor of cos and sin (yarn's attention factor; 1 elsewhere). */
  readonly attentionFactor: number;
}

export interface RmsNormSettings {
  /** Name of the weight, [width]. */
  readonly weight: string;
  /** Number of features that are normed together. */
  readonly width: number;
  /** Number of groups of `width` features: 1, or the number of heads. */
  readonly groups: number;
  readonly epsilon: number;
  /** Added to the weight. */
  readonly offset: number;
}

export interface LayerNormSettings {
  /** Names of weight and bias, [width] each. */
  readonly weight: string;
  readonly bias: string;
  readonly width: number;
  readonly epsilon: number;
}

export interface AttentionSettings {
  /** Index of the layer, from 0; identifies its key/value cache. */
  readonly layer: number;
  readonly heads: number;
  /** Divides `heads`: consecutive query heads share a key/value head. */
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Factor of q k^T. */
  readonly scale: number;
  /** Scores s become softCap * tanh(s / softCap); null: unchanged. */
  readonly softCap: number | null;
  /** A token sees itself and the `window - 1` before it; null: all before it. */
  readonly window: number | null;
}

export interface Ops<T> {
  /** The rows of `weight` [vocabulary, hidden] for the batch's token ids: [tokens, hidden]. */
  embedding(weight: string): T;
  /** The rows of `weight` [positions, hidden] for the tokens' positions within their examples: [tokens, hidden]. */
  positionEmbedding(weight: string): T;
  /**
   * One decoder layer: `body(x)`. A boundary at which an engine may drop activations and compute them again
   * (gradient checkpointing), or order its work. `x` belongs to the layer: an engine may free it afterwards.
   */
  block(x: T, body: (x: T) => T): T;
  /** Linear layers with the same input, [tokens, outFeatures] each; combined, because they can share work. */
  project<const P extends readonly Projection[]>(x: T, modules: P): { readonly [K in keyof P]: T };
  /** Consecutive columns of x, [tokens, width] each; the widths add up to those of x. */
  split<const W extends readonly number[]>(x: T, widths: W): { readonly [K in keyof W]: T };
  /** x / sqrt(mean(x^2) + epsilon) * (weight + offset) within each group of features (Zhang and Sennrich 2019). */
  rmsNorm(x: T, settings: RmsNormSettings): T;
  /** (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias (Ba et al. 2016). */
  layerNorm(x: T, settings: LayerNormSettings): T;
  /**
   * Rotates (first half, second half) pairs of the rotated part of each head by its token's position;
   * x [tokens, heads * headDim].
   */
  rotary(x: T, heads: number, headDim: number, settings: RotarySettings): T;
  /** Causal attention within each example; q [tokens, heads * headDim], k and v [tokens, keyValueHeads * headDim]. */
  attention(q: T, k: T, v: T, settings: AttentionSettings): T;
  /** silu(gate) * up (Shazeer 2020). */
  swiGlu(gate: T, up: T): T;
  /** gelu(gate) * up, with the approximation of gelu by tanh (Hendrycks and Gimpel 2016, Shazeer 2020). */
  geGlu(gate: T, up: T): T;
  /** gelu(x), with the same approximation. */
  gelu(x: T): T;
  scale(x: T, factor: number): T;
  add(a: T, b: T): T;
}
