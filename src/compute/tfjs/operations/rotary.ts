/** Rotary position embedding and its gradient: a rotation's transpose is the rotation by the opposite angle. */
import { add, concat, mul, reshape, slice, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { CoxswainError } from "../../../errors.js";
import type { RotarySettings } from "../../ops.js";
import type { TensorContext } from "../context.js";

/** @param heads how many heads x [tokens, heads * headDim] has */
export function rotary(
  { sequence, tape }: TensorContext,
  x: Tensor,
  heads: number,
  headDim: number,
  settings: RotarySettings,
): Tensor {
  const tables = sequence.rotary.get(settings);
  if (tables === undefined) throw new CoxswainError("bug", "rotary settings without tables");
  const { cos, sin, negativeSin } = tables;
  const output = tidy(() => rotate(x, heads, headDim, cos, sin));
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) => (gradient === undefined ? [] : [rotate(gradient, heads, headDim, cos, negativeSin)]),
    });
  }
  return output;
}

function rotate(x: Tensor, heads: number, headDim: number, cos: Tensor, sin: Tensor): Tensor {
  const [tokens = 1, width = 1] = x.shape;
  const rotated = cos.shape[2] ?? headDim;
  const half = rotated / 2;
  const byHead = reshape(x, [tokens, heads, headDim]);
  const part = (from: number, size: number): Tensor => slice(byHead, [0, 0, from], [tokens, heads, size]);
  const swapped = concat([part(half, half), part(0, half)], 2);
  const turning = rotated === headDim ? byHead : part(0, rotated);
  const turned = add(mul(turning, cos), mul(swapped, sin));
  const whole = rotated === headDim ? turned : concat([turned, part(rotated, headDim - rotated)], 2);
  return reshape(whole, [tokens, width]);
}
