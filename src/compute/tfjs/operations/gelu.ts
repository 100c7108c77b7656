/**
 * gelu by tanh: with u = sqrt(2 / pi) (x + 0.044715 x^3) and t = tanh(u), gelu = x (1 + t) / 2 and
 * gelu' = (1 + t) / 2 + x (1 - t^2) u' / 2, where u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2).
 */
import { add, mul, square, sub, tanh, type Tensor } from "@tensorflow/tfjs-core";
import type { Activation } from "./activation.js";

const slopeAtZero = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

function parts(x: Tensor): { readonly squares: Tensor; readonly t: Tensor; readonly share: Tensor } {
  const squares = square(x);
  const t = tanh(mul(x, add(mul(squares, slopeAtZero * cubic), slopeAtZero)));
  return { squares, t, share: add(mul(t, 0.5), 0.5) };
}

export const gelu: Activation = {
  forward: (x) => mul(x, parts(x).share),

  valueAndSlope(x) {
    const { squares, t, share } = parts(x);
    const half = mul(x, add(mul(squares, 1.5 * slopeAtZero * cubic), 0.5 * slopeAtZero));
    return { value: mul(x, share), slope: add(share, mul(sub(1, square(t)), half)) };
  },
};
