/** Consecutive columns of a tensor, and their gradient: side by side again. */
import { concat, split as splitTensor, zerosLike, type Tensor } from "@tensorflow/tfjs-core";
import type { TensorContext } from "../context.js";

/** @param widths add up to the features of x [tokens, features] */
export function split({ tape }: TensorContext, x: Tensor, widths: readonly number[]): Tensor[] {
  const outputs = splitTensor(x, [...widths], 1);
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs,
      backward: (gradients) => [
        concat(
          outputs.map((output, i) => gradients[i] ?? zerosLike(output)),
          1,
        ),
      ],
    });
  }
  return outputs;
}
