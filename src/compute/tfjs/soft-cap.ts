/** Soft-capping (Gemma 2): cap * tanh(x / cap), for logits and attention scores. */
import { mul, square, sub, tanh, tidy, type Tensor } from "@tensorflow/tfjs-core";

/** @param cap null: `x` is unchanged */
export function softCapped(x: Tensor, cap: number | null): Tensor {
  return cap === null ? x : tidy(() => mul(tanh(mul(x, 1 / cap)), cap));
}

/**
 * From the gradient of the capped value to that of x: times 1 - (capped / cap)^2.
 * @param capped the result of `softCapped`
 */
export function throughSoftCap(gradient: Tensor, capped: Tensor, cap: number | null): Tensor {
  return cap === null ? gradient : tidy(() => mul(gradient, sub(1, square(mul(capped, 1 / cap)))));
}
