/**
 * Grouped-query attention and its gradient. Probabilities [rows, heads, length, keys] are not kept: the backward pass
 * computes them again from queries and keys, a block at a time.
 */
import { mul, sum, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { AttentionSettings } from "../../ops.js";
import type { TensorContext } from "../context.js";
import { blockedAttention, blockedBackward, type AttentionInputs } from "./attention-blocks.js";
import { mergeHeads, splitHeads } from "./heads.js";

export function attention(
  context: TensorContext,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  settings: AttentionSettings,
): Tensor {
  const { sequence, scope, tape } = context;
  const { layer, heads, keyValueHeads, scale } = settings;
  // In training, the backward pass creates it again: q, k and v are kept, their other layout is not.
  const layouts = (): AttentionInputs => ({
    queries: splitHeads(sequence, mul(q, scale), heads),
    keys: scope.extend(layer, "key", splitHeads(sequence, k, keyValueHeads)),
    values: scope.extend(layer, "value", splitHeads(sequence, v, keyValueHeads)),
  });
  const output = tidy(() => mergeHeads(blockedAttention(context, layouts(), settings)));
  if (tape !== null && [q, k, v].some((value) => tape.needs(value))) {
    tape.record({
      inputs: [q, k, v],
      outputs: [output],
      backward: ([gradient]) => {
        if (gradient === undefined) return [];
        const toMixed = splitHeads(sequence, gradient, heads);
        const rowSums = sum(splitHeads(sequence, mul(gradient, output), heads), -1, true);
        const { queries, keys, values } = blockedBackward(context, layouts(), toMixed, rowSums, settings);
        return [mul(mergeHeads(queries), scale), mergeHeads(keys), mergeHeads(values)];
      },
    });
  }
  return output;
}
