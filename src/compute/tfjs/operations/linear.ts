/** Linear layers of one input, with adapters. Weights are frozen: their gradients are never formed. */
import { add, mul, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { Projection } from "../../ops.js";
import type { Adapter } from "../adapters.js";
import type { TensorContext } from "../context.js";
import { lowRank, lowRankBackward, type LowRankPart } from "./low-rank.js";

export function project(context: TensorContext, x: Tensor, modules: readonly Projection[]): Tensor[] {
  const { adapters, tape } = context;
  const adapted = modules.flatMap(({ path }): { path: string; adapter: Adapter }[] => {
    const adapter = adapters.of(path);
    return adapter === undefined ? [] : [{ path, adapter }];
  });
  const lows = lowRank(context, x, adapted);
  const parts = new Map(adapted.map(({ path }, i) => [path, lows[i]] as const));
  const outputs = modules.map((module) => tidy(() => forward(context, x, module, parts.get(module.path))));
  const kept = lows.flatMap(({ low, mask }) => (mask === null ? [low] : [low, mask]));
  if (tape === null || (lows.length === 0 && !tape.needs(x))) {
    for (const each of kept) each.dispose();
    return outputs;
  }
  // Where x needs no gradient (in the first layer), a module without an adapter has nothing to pass on.
  const flowing = modules.flatMap((module, i) => {
    const output = outputs[i];
    const part = parts.get(module.path);
    return output === undefined || (part === undefined && !tape.needs(x)) ? [] : [{ module, output, part }];
  });
  tape.record({
    inputs: [x, ...lows.flatMap(({ adapter: { a, b } }) => [a, b])],
    outputs: flowing.map(({ output }) => output),
    kept,
    backward: (gradients) => backward(context, x, flowing, lows, gradients),
  });
  return outputs;
}

/** x W^T + bias + (scale * low) B^T, where W is [out, in] */
function forward(
  { products, weights }: TensorContext,
  x: Tensor,
  module: Projection,
  part: LowRankPart | undefined,
): Tensor {
  const weight = weights.matrix(`${module.path}.weight`);
  const base = module.inputsFirst === true ? products.plain(x, weight) : products.transposedRight(x, weight);
  const biased = module.bias ? add(base, weights.get(`${module.path}.bias`)) : base;
  return part === undefined ? biased : add(biased, products.transposedRight(part.low, part.adapter.b));
}

/** @returns gradients of x and of each adapter's A and B, undefined for those without one */
function backward(
  context: TensorContext,
  x: Tensor,
  uses: readonly { readonly module: Projection; readonly part: LowRankPart | undefined }[],
  parts: readonly LowRankPart[],
  gradients: readonly (Tensor | undefined)[],
): (Tensor | undefined)[] {
  const { products, weights, adapters, tape } = context;
  const needed = tape?.needs(x) === true;
  let toInput: Tensor | undefined;
  const toB = new Map<LowRankPart, Tensor>();
  const toLow = new Map<LowRankPart, Tensor>();
  uses.forEach(({ module, part }, i) => {
    const gradient = gradients[i];
    if (gradient === undefined) return;
    if (needed) {
      // A dequantised weight is disposed of before the next one is created.
      const through = tidy(() => {
        const weight = weights.matrix(`${module.path}.weight`);
        return module.inputsFirst === true
          ? products.transposedRight(gradient, weight)
          : products.plain(gradient, weight);
      });
      toInput = plus(toInput, through);
    }
    if (part === undefined) return;
    toB.set(part, products.transposedLeft(gradient, part.low));
    toLow.set(part, mul(products.plain(gradient, part.adapter.b), adapters.scale));
  });
  const { toA, toX } = lowRankBackward(context, x, toLow, needed);
  return [toX === undefined ? toInput : plus(toInput, toX), ...parts.flatMap((part) => [toA.get(part), toB.get(part)])];
}

const plus = (sum: Tensor | undefined, part: Tensor): Tensor => (sum === undefined ? part : add(sum, part));
