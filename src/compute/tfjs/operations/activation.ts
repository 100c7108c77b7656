/** An activation function, alone or times another tensor (a gated unit, Shazeer 2020), and the gradients. */
import { mul, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { TensorContext } from "../context.js";

export interface Activation {
  /** f(x) */
  forward(x: Tensor): Tensor;
  /** f(x) and f'(x), which share work. */
  valueAndSlope(x: Tensor): { readonly value: Tensor; readonly slope: Tensor };
}

export function activate({ tape }: TensorContext, activation: Activation, x: Tensor): Tensor {
  const output = tidy(() => activation.forward(x));
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) => (gradient === undefined ? [] : [mul(gradient, activation.valueAndSlope(x).slope)]),
    });
  }
  return output;
}

/** f(gate) * up */
export function gated({ tape }: TensorContext, activation: Activation, gate: Tensor, up: Tensor): Tensor {
  const output = tidy(() => mul(activation.forward(gate), up));
  if (tape === null || !(tape.needs(gate) || tape.needs(up))) return output;
  tape.record({
    inputs: [gate, up],
    outputs: [output],
    backward: ([gradient]) => {
      if (gradient === undefined) return [];
      const { value, slope } = activation.valueAndSlope(gate);
      return [mul(mul(gradient, up), slope), mul(gradient, value)];
    },
  });
  return output;
}
