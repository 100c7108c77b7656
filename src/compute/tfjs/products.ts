/**
 * Matrix products, of matrices or of equally many matrices in leading dimensions. The WebAssembly backend has a fast
 * product only for two plain matrices: with its transpose flags, or a batch, it falls back to a loop that is 11 to 17
 * times slower. In these cases operands are transposed first, and batches are split.
 */
import { matMul, reshape, stack, tensor2d, transpose, type Tensor } from "@tensorflow/tfjs-core";

export interface Products {
  /** a b: [m, k] and [k, n] to [m, n]. */
  plain(a: Tensor, b: Tensor): Tensor;
  /** a b^T: [m, k] and [n, k] to [m, n]. */
  transposedRight(a: Tensor, b: Tensor): Tensor;
  /** a^T b: [k, m] and [k, n] to [m, n]. */
  transposedLeft(a: Tensor, b: Tensor): Tensor;
}

/** For backends whose product supports transposition. */
export const flaggedProducts: Products = {
  plain: (a, b) => matMul(a, b),
  transposedRight: (a, b) => (isHead(a, b) ? transpose(matMul(b, a, false, true)) : matMul(a, b, false, true)),
  transposedLeft: (a, b) => matMul(a, b, true, false),
};

/**
 * A right side of far more rows than the left, as a vocabulary has: TensorFlow's library takes twice as long to
 * transpose it as to compute (b a^T)^T. If the left side has few rows, in generation, it does not matter.
 */
function isHead(a: Tensor, b: Tensor): boolean {
  const [rows = 1] = a.shape;
  const [others = 1] = b.shape;
  return a.rank === 2 && rows >= 32 && others >= 16 * rows;
}

/** For backends that are fast with plain matrices only. */
export const explicitProducts: Products = {
  plain: (a, b) => eachMatrix(a, b, (left, right) => matMul(left, right)),
  transposedRight: (a, b) => eachMatrix(a, b, timesTransposed),
  transposedLeft: (a, b) => eachMatrix(a, b, transposedTimes),
};

type Product = (a: Tensor, b: Tensor) => Tensor;

/** a b^T, or (b a^T)^T if that moves fewer numbers. */
function timesTransposed(a: Tensor, b: Tensor): Tensor {
  const [m = 1, k = 1] = a.shape;
  const [n = 1] = b.shape;
  if (n * k <= m * k + m * n) return matMul(a, transpose(b));
  return transpose(matMul(b, transpose(a)));
}

/** a^T b, or (b^T a)^T if that moves fewer numbers. */
function transposedTimes(a: Tensor, b: Tensor): Tensor {
  const [k = 1, m = 1] = a.shape;
  const n = b.shape[1] ?? 1;
  if (k * m <= k * n + m * n) return matMul(transpose(a), b);
  return transpose(matMul(transpose(b), a));
}

function eachMatrix(a: Tensor, b: Tensor, product: Product): Tensor {
  if (a.rank === 2) return product(a, b);
  const rights = matrices(b);
  const products = matrices(a).map((left, i) => product(left, rights[i] ?? left));
  const result = stack(products);
  return reshape(result, [...a.shape.slice(0, -2), ...result.shape.slice(1)]);
}

/**
 * [..., m, n] as matrices [m, n], through a JavaScript array: the WebAssembly backend's own slice copies the whole
 * tensor for each part.
 */
function matrices(x: Tensor): Tensor[] {
  const shape = x.shape.slice(-2) as [number, number];
  const size = shape[0] * shape[1];
  const values = x.dataSync<"float32">();
  return Array.from({ length: x.size / size }, (_, i) =>
    tensor2d(values.subarray(i * size, (i + 1) * size), shape, "float32"),
  );
}
