/**
 * Products with frozen weights: nearly all arithmetic of a step, and the only use of 16-bit types. Both factors are
 * rounded to that type, sums are f32, and so is the product: addends, norms, attention, adapters and the loss are
 * always f32.
 */
import type { ComputeType } from "../../engine.js";
import type { GraphBuilder, Value } from "../graph-builder.js";
import { elementType } from "../proto.js";

export interface FrozenProduct {
  /** x [rows, k], in the type of the product: see `narrowed`. */
  readonly x: Value;
  /** [k, n], or [n, k] where it is transposed, in the same type: see `Weights.factor`. */
  readonly weight: Value;
  readonly transB: boolean;
  /** Added to the product, f32. */
  readonly addend?: Value | null;
  /** First part of the output's name. */
  readonly label: string;
}

/** A factor in the type that products are computed in. */
export function narrowed(graph: GraphBuilder, type: ComputeType, x: Value): Value {
  return type === "float32" ? x : graph.op("Cast", [x], { to: elementType[type] });
}

/** x W, or x W^T, + addend: [rows, n], f32. */
export function frozenProduct(graph: GraphBuilder, type: ComputeType, product: FrozenProduct): Value {
  const { x, weight, transB, addend = null } = product;
  const label = { label: product.label };
  const transposed = transB ? { transB: 1 } : {};
  if (type === "float32") {
    return addend === null
      ? graph.product(x, weight, { transB }, label)
      : graph.op("Gemm", [x, weight, addend], transposed, label);
  }
  // Always Gemm: WebGPU's MatMul sums in the type of its factors, where 2048 + 1 is 2048.
  const sums = graph.op("Gemm", [x, weight], transposed, label);
  const wide = graph.op("Cast", [sums], { to: elementType.float32 });
  return addend === null ? wide : graph.op("Add", [addend, wide]);
}
