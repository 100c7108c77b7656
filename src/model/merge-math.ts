/** The arithmetic of merging, on blocks of rows. Pure: knows no files. */
import { float16Bits, float32ToBfloat16 } from "./float-convert.js";
import type { FloatType } from "./read-tensor.js";

/** A module's LoRA matrices. */
export interface LoraPair {
  /** [r, in], row-major. */
  readonly a: Float32Array;
  /** [out, r], row-major. */
  readonly b: Float32Array;
  readonly r: number;
  readonly scale: number;
}

/** The pair whose B A is the transpose of this one's: (B A)^T = A^T B^T. */
export function transposed({ a, b, r, scale }: LoraPair): LoraPair {
  return { a: transpose(b, b.length / r, r), b: transpose(a, r, a.length / r), r, scale };
}

/** @param matrix [rows, columns] */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(matrix, (_, at) => matrix[(at % rows) * columns + Math.floor(at / rows)] ?? 0);
}

/**
 * Adds `scale * B A` to rows of W. Products and their sum over r are f64, the result is rounded to f32 once.
 * @param rows [rows, in] of W, from row `firstRow` on; changed in place
 */
export function addDelta(rows: Float32Array, firstRow: number, inFeatures: number, pair: LoraPair): void {
  const { a, b, r, scale } = pair;
  const sum = new Float64Array(inFeatures);
  const count = rows.length / inFeatures;
  for (let row = 0; row < count; row++) {
    sum.fill(0);
    const firstFactor = (firstRow + row) * r;
    // Four rows of A at a time: a quarter of the passes over `sum`. Padding factors are 0 and read row 0.
    for (let k = 0; k < r; k += 4) {
      const factor = (j: number): number => (k + j < r ? (b[firstFactor + k + j] ?? 0) : 0);
      const start = (j: number): number => (k + j < r ? (k + j) * inFeatures : 0);
      addRows(sum, a, [factor(0), factor(1), factor(2), factor(3)], [start(0), start(1), start(2), start(3)]);
    }
    const at = row * inFeatures;
    for (let i = 0; i < inFeatures; i++) rows[at + i] = (rows[at + i] ?? 0) + scale * (sum[i] ?? 0);
  }
}

type Four = readonly [number, number, number, number];

/** sum[i] += Σ factors[j] * a[starts[j] + i] */
function addRows(sum: Float64Array, a: Float32Array, factors: Four, starts: Four): void {
  const [f0, f1, f2, f3] = factors;
  const [s0, s1, s2, s3] = starts;
  for (let i = 0; i < sum.length; i++) {
    const first = f0 * (a[s0 + i] ?? 0) + f1 * (a[s1 + i] ?? 0);
    const second = f2 * (a[s2 + i] ?? 0) + f3 * (a[s3 + i] ?? 0);
    sum[i] = (sum[i] ?? 0) + (first + second);
  }
}

/**
 * The bytes of f32 values in a type, rounded to nearest even. For F32 a view of `values`.
 * @param name the tensor's, for messages
 * @throws CoxswainError "model" if a finite value is beyond float16
 */
export function floatsToBytes(values: Float32Array, type: FloatType, name: string): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (type === "F16")
    return new Uint8Array(float16Bits(values, name, "Merge with --dtype bfloat16 or float32.").buffer);
  const bits = new Uint16Array(values.length);
  float32ToBfloat16(values, bits);
  return new Uint8Array(bits.buffer);
}
