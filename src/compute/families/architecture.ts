/** The interface of a model of any family: its linear layers, weights and forward pass. */
import type { Ops, Projection } from "../ops.js";
import * as rotary from "./decoder.js";
import * as rotaryWeights from "./decoder-weights.js";
import * as gpt2 from "./gpt2-decoder.js";
import type { DecoderSpec } from "./spec.js";

/** The embedding matrix [vocabulary, hidden]. */
export const embeddingWeight = (spec: DecoderSpec): string =>
  spec.architecture === "gpt2" ? gpt2.embeddingWeight : rotaryWeights.embeddingWeight;

/** The matrix [vocabulary, hidden] that turns hidden states into logits. */
export const headWeight = (spec: DecoderSpec): string =>
  spec.architecture === "gpt2" ? gpt2.headWeight(spec) : rotaryWeights.headWeight(spec);

/** Every linear layer except the head, in the order of use (PEFT's "all-linear"). */
export const projections = (spec: DecoderSpec): Projection[] =>
  spec.architecture === "gpt2" ? gpt2.projections(spec) : rotaryWeights.projections(spec);

/** Every weight that the model needs and its shape. */
export const weightShapes = (spec: DecoderSpec): Map<string, readonly number[]> =>
  spec.architecture === "gpt2" ? gpt2.weightShapes(spec) : rotaryWeights.weightShapes(spec);

/** The batch's final hidden states, normed: [tokens, hidden]. */
export const hiddenStates = <T>(ops: Ops<T>, spec: DecoderSpec): T =>
  spec.architecture === "gpt2" ? gpt2.hiddenStates(ops, spec) : rotary.hiddenStates(ops, spec);
