/**
 * The gradient's norm and clip coefficient, as in torch's `clip_grad_norm_`, for one flat vector.
 */
import { squareSums } from "../collective/index.js";

/** torch's guard against division by zero; it also shrinks a gradient whose norm is just the limit by a millionth. */
const guard = 1e-6;

/**
 * The Euclidean norm of a vector times a number (1 / supervised tokens, for the norm of the mean gradient).
 * Squares are summed in f64 by blocks (`squareSums`), and the blocks in order.
 */
export const globalNorm = (vector: Float32Array, scale = 1): number => normOfSquareSums(squareSums(vector), scale);

/**
 * The same from the blocks' sums: those of consecutive slices, split at multiples of `squareSumBlock`, give the bits of
 * the whole vector.
 */
export const normOfSquareSums = (sums: Float64Array, scale = 1): number =>
  Math.sqrt(sums.reduce((total, sum) => total + sum, 0)) * scale;

/**
 * The clip coefficient: at most 1.
 * @param norm of the mean gradient
 * @param maxNorm `training.max_grad_norm`; 0 does not clip
 */
export const clipCoefficient = (norm: number, maxNorm: number): number =>
  maxNorm === 0 ? 1 : Math.min(maxNorm / (norm + guard), 1);
