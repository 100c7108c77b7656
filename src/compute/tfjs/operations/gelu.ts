/**
 * gelu by tanh, alone or times another tensor, and the gradients.
 *
 * With u = sqrt(2 / pi) (x + 0.044715 x^3) and t = tanh(u): gelu = x (1 + t) / 2, and
 * gelu' = (1 + t) / 2 + x (1 - t^2) u' / 2, where u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2).
 */
import { add, mul, square, sub, tanh, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { TensorContext } from "../context.js";

const slopeAtZero = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

function parts(x: Tensor): { readonly squares: Tensor; readonly t: Tensor; readonly share: Tensor } {
  const squares = square(x);
  const t = tanh(mul(x, add(mul(squares, slopeAtZero * cubic), slopeAtZero)));
  return { squares, t, share: add(mul(t, 0.5), 0.5) };
}

export function geGlu({ tape }: TensorContext, gate: Tensor, up: Tensor): Tensor {
  const output = tidy(() => mul(mul(gate, parts(gate).share), up));
  if (tape === null || !(tape.needs(gate) || tape.needs(up))) return output;
  tape.record({
    inputs: [gate, up],
    outputs: [output],
    backward: ([gradient]) => {
      if (gradient === undefined) return [];
      const { value, slope } = valueAndSlope(gate);
      return [mul(mul(gradient, up), slope), mul(gradient, value)];
    },
  });
  return output;
}

export function gelu({ tape }: TensorContext, x: Tensor): Tensor {
  const output = tidy(() => mul(x, parts(x).share));
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) => (gradient === undefined ? [] : [mul(gradient, valueAndSlope(x).slope)]),
    });
  }
  return output;
}

/** gelu(x) and its derivative. */
function valueAndSlope(x: Tensor): { readonly value: Tensor; readonly slope: Tensor } {
  const { squares, t, share } = parts(x);
  const half = mul(x, add(mul(squares, 1.5 * slopeAtZero * cubic), 0.5 * slopeAtZero));
  return { value: mul(x, share), slope: add(share, mul(sub(1, square(t)), half)) };
}
