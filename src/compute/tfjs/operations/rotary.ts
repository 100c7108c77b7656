/** Rotary position embedding and its gradient: a rotation's transpose is the rotation by the opposite angle. */
import { add, concat, mul, reshape, slice, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { TensorContext } from "../context.js";
import type { Sequence } from "../sequence.js";

/** @param heads how many heads x [tokens, heads * headDim] has */
export function rotary({ sequence, tape }: TensorContext, x: Tensor, heads: number): Tensor {
  const output = tidy(() => rotate(sequence, x, heads, sequence.sin));
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) =>
        gradient === undefined ? [] : [rotate(sequence, gradient, heads, sequence.negativeSin)],
    });
  }
  return output;
}

function rotate({ cos }: Sequence, x: Tensor, heads: number, sin: Tensor): Tensor {
  const [tokens = 1, width = 1] = x.shape;
  const half = width / heads / 2;
  const byHead = reshape(x, [tokens, heads, 2 * half]);
  const swapped = concat(
    [slice(byHead, [0, 0, half], [tokens, heads, half]), slice(byHead, [0, 0, 0], [tokens, heads, half])],
    2,
  );
  return reshape(add(mul(byHead, cos), mul(swapped, sin)), [tokens, width]);
}
