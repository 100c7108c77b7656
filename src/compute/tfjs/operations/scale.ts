/** A constant times a tensor. */
import { mul, type Tensor } from "@tensorflow/tfjs-core";
import type { TensorContext } from "../context.js";

export function scale({ tape }: TensorContext, x: Tensor, factor: number): Tensor {
  if (factor === 1) return x;
  const output = mul(x, factor);
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) => (gradient === undefined ? [] : [mul(gradient, factor)]),
    });
  }
  return output;
}
