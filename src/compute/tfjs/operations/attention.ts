/**
 * Grouped-query attention and its gradient. Probabilities [rows, heads, length, keys] are not kept: the backward pass
 * computes them again from queries and keys, a block at a time.
 */
import { mul, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { AttentionSettings } from "../../ops.js";
import type { TensorContext } from "../context.js";
import { blockedAttention, blockedBackward, type AttentionInputs } from "./attention-blocks.js";
import { mergeHeads, mergeQueries, splitHeads, splitQueries, sumPerQuery } from "./heads.js";

export function attention(
  context: TensorContext,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  settings: AttentionSettings,
): Tensor {
  const { sequence, scope, tape } = context;
  // In training made once more by the backward pass: q, k and v are kept, their other layout is not.
  const layouts = (): AttentionInputs => ({
    queries: splitQueries(sequence, mul(q, settings.scale), settings),
    keys: scope.extend(settings.layer, "key", splitHeads(sequence, k, settings)),
    values: scope.extend(settings.layer, "value", splitHeads(sequence, v, settings)),
  });
  const output = tidy(() => mergeQueries(blockedAttention(context, layouts(), settings), settings));
  if (tape !== null && [q, k, v].some((value) => tape.needs(value))) {
    tape.record({
      inputs: [q, k, v],
      outputs: [output],
      backward: ([gradient]) => {
        if (gradient === undefined) return [];
        const toMixed = splitQueries(sequence, gradient, settings);
        const rowSums = sumPerQuery(sequence, mul(gradient, output), settings);
        const { queries, keys, values } = blockedBackward(context, layouts(), toMixed, rowSums, settings);
        return [
          mul(mergeQueries(queries, settings), settings.scale),
          mergeHeads(keys, settings),
          mergeHeads(values, settings),
        ];
      },
    });
  }
  return output;
}
