/** Layer norm and its gradient. */
import { add, mean, mul, reciprocal, sqrt, square, sub, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { LayerNormSettings } from "../../ops.js";
import type { TensorContext } from "../context.js";

export function layerNorm({ weights, tape }: TensorContext, x: Tensor, settings: LayerNormSettings): Tensor {
  const [weight, bias] = [weights.get(settings.weight), weights.get(settings.bias)];
  const output = tidy(() => {
    const { centred, inverse } = moments(x, settings);
    return add(mul(mul(centred, inverse), weight), bias);
  });
  if (tape?.needs(x) === true) {
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) => (gradient === undefined ? [] : [backward(x, weight, gradient, settings)]),
    });
  }
  return output;
}

/** x - mean(x), and 1 / sqrt(variance(x) + epsilon), [tokens, 1] */
function moments(x: Tensor, { epsilon }: LayerNormSettings): { readonly centred: Tensor; readonly inverse: Tensor } {
  const centred = sub(x, mean(x, -1, true));
  return { centred, inverse: reciprocal(sqrt(add(mean(square(centred), -1, true), epsilon))) };
}

/**
 * With c = x - mean(x), r = 1 / sqrt(mean(c^2) + epsilon) and g = gradient * weight:
 * dx = r (g - mean(g)) - c r^3 mean(g c).
 */
function backward(x: Tensor, weight: Tensor, gradient: Tensor, settings: LayerNormSettings): Tensor {
  const { centred, inverse } = moments(x, settings);
  const g = mul(gradient, weight);
  const factor = mul(mean(mul(g, centred), -1, true), mul(mul(inverse, inverse), inverse));
  return sub(mul(sub(g, mean(g, -1, true)), inverse), mul(centred, factor));
}
