/** silu(gate) * up and its gradient. */
import { add, mul, sigmoid, sub, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { TensorContext } from "../context.js";

export function swiGlu({ tape }: TensorContext, gate: Tensor, up: Tensor): Tensor {
  const output = tidy(() => mul(mul(gate, sigmoid(gate)), up));
  if (tape === null || !(tape.needs(gate) || tape.needs(up))) return output;
  tape.record({
    inputs: [gate, up],
    outputs: [output],
    backward: ([gradient]) => {
      if (gradient === undefined) return [];
      const s = sigmoid(gate);
      const silu = mul(gate, s);
      // silu' = sigmoid (1 + gate - silu)
      const slope = mul(s, add(sub(gate, silu), 1));
      return [mul(mul(gradient, up), slope), mul(gradient, silu)];
    },
  });
  return output;
}
