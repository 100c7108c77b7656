/** silu(x) = x sigmoid(x); silu' = sigmoid (1 + x - silu). */
import { add, mul, sigmoid, sub } from "@tensorflow/tfjs-core";
import type { Activation } from "./activation.js";

export const silu: Activation = {
  forward: (x) => mul(x, sigmoid(x)),

  valueAndSlope(x) {
    const s = sigmoid(x);
    const value = mul(x, s);
    return { value, slope: mul(s, add(sub(x, value), 1)) };
  },
};
