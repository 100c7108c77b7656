/** Soft-capping (Gemma 2): cap * tanh(x / cap), for logits and attention scores. */
import { mul, square, sub, tanh, tidy, type Tensor } from "@tensorflow/tfjs-core";

/** @param cap null leaves `x` as it is */
export function softCapped(x: Tensor, cap: number | null): Tensor {
  return cap === null ? x : tidy(() => mul(tanh(mul(x, 1 / cap)), cap));
}

/**
 * From the gradient of what was capped to that of x: times 1 - (capped / cap)^2.
 * @param capped what `softCapped` gave
 */
export function throughSoftCap(gradient: Tensor, capped: Tensor, cap: number | null): Tensor {
  return cap === null ? gradient : tidy(() => mul(gradient, sub(1, square(mul(capped, 1 / cap)))));
}
