/** RMS norm and its gradient. */
import { add, mul, reciprocal, reshape, sqrt, square, sub, sum, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { RmsNormSettings } from "../../ops.js";
import type { TensorContext } from "../context.js";

export function rmsNorm({ weights, tape }: TensorContext, x: Tensor, settings: RmsNormSettings): Tensor {
  const stored = weights.get(settings.weight);
  const weight = (): Tensor => (settings.offset === 0 ? stored : add(stored, settings.offset));
  const output = tidy(() => {
    const groups = grouped(x, settings);
    return whole(mul(mul(groups, inverse(groups, settings)), weight()), settings);
  });
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) => (gradient === undefined ? [] : [backward(x, weight(), gradient, settings)]),
    });
  }
  return output;
}

/** 1 / sqrt(mean(x^2) + epsilon) of each group, [groups, 1] */
function inverse(groups: Tensor, { width, epsilon }: RmsNormSettings): Tensor {
  return reciprocal(sqrt(add(mul(sum(square(groups), -1, true), 1 / width), epsilon)));
}

/** With r = 1 / sqrt(mean(x^2) + epsilon) and g = gradient * weight: dx = g r - x r^3 mean(g x). */
function backward(input: Tensor, weight: Tensor, gradient: Tensor, settings: RmsNormSettings): Tensor {
  const x = grouped(input, settings);
  const r = inverse(x, settings);
  const g = mul(grouped(gradient, settings), weight);
  const mean = mul(sum(mul(g, x), -1, true), 1 / settings.width);
  const factor = mul(mean, mul(mul(r, r), r));
  return whole(sub(mul(g, r), mul(x, factor)), settings);
}

/** [tokens, groups * width] as [tokens * groups, width]. */
const grouped = (x: Tensor, { width, groups }: RmsNormSettings): Tensor => (groups === 1 ? x : reshape(x, [-1, width]));

/** The inverse. */
const whole = (x: Tensor, { width, groups }: RmsNormSettings): Tensor =>
  groups === 1 ? x : reshape(x, [-1, groups * width]);
