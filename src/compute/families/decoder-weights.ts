/** Names and shapes of the weights of the decoder that most families share, as Hugging Face has them. */
import type { Projection } from "../ops.js";
import type { RotaryDecoderSpec } from "./spec.js";

export const embeddingWeight = "model.embed_tokens.weight";
export const finalNormWeight = "model.norm.weight";

/** The matrix [vocabulary, hidden] that turns hidden states into logits. */
export const headWeight = (spec: RotaryDecoderSpec): string =>
  spec.tiedEmbeddings ? embeddingWeight : "lm_head.weight";

export interface LayerProjections {
  /** q, k and v; or one layer for all, in this order. */
  readonly queryKeyValue: readonly [Projection, Projection, Projection] | readonly [Projection];
  readonly output: Projection;
  /** gate and up; or one layer for both, in this order. */
  readonly gateUp: readonly [Projection, Projection] | readonly [Projection];
  readonly down: Projection;
}

/** Widths of q, k and v. */
export function attentionWidths({ heads, keyValueHeads, headDim }: RotaryDecoderSpec): [number, number, number] {
  return [heads * headDim, keyValueHeads * headDim, keyValueHeads * headDim];
}

export function layerProjections(spec: RotaryDecoderSpec, layer: number): LayerProjections {
  const { hiddenSize: hidden, intermediateSize: intermediate, biases, projections: kind } = spec;
  const linear = (name: string, inFeatures: number, outFeatures: number, bias: boolean): Projection => {
    return { path: `model.layers.${layer}.${name}`, inFeatures, outFeatures, bias };
  };
  const [queryWidth, keyWidth, valueWidth] = attentionWidths(spec);
  const output = linear("self_attn.o_proj", queryWidth, hidden, biases.output);
  const down = linear("mlp.down_proj", intermediate, hidden, biases.mlp);
  if (kind === "fused") {
    const all = queryWidth + keyWidth + valueWidth;
    return {
      queryKeyValue: [linear("self_attn.qkv_proj", hidden, all, biases.queryKeyValue)],
      output,
      gateUp: [linear("mlp.gate_up_proj", hidden, 2 * intermediate, biases.mlp)],
      down,
    };
  }
  return {
    queryKeyValue: [
      linear("self_attn.q_proj", hidden, queryWidth, biases.queryKeyValue),
      linear("self_attn.k_proj", hidden, keyWidth, biases.queryKeyValue),
      linear("self_attn.v_proj", hidden, valueWidth, biases.queryKeyValue),
    ],
    output,
    gateUp: [
      linear("mlp.gate_proj", hidden, intermediate, biases.mlp),
      linear("mlp.up_proj", hidden, intermediate, biases.mlp),
    ],
    down,
  };
}

/** Every linear layer except the head, in the order of use. */
export function projections(spec: RotaryDecoderSpec): Projection[] {
  return spec.layers.flatMap((_, layer) => {
    const { queryKeyValue, output, gateUp, down } = layerProjections(spec, layer);
    return [...queryKeyValue, output, ...gateUp, down];
  });
}

export interface LayerNorms {
  readonly attention: string;
  /** null if the output of attention is added unchanged. */
  readonly attentionOutput: string | null;
  readonly mlp: string;
  readonly mlpOutput: string | null;
  readonly query: string;
  readonly key: string;
}

export function layerNorms({ norms }: RotaryDecoderSpec, layer: number): LayerNorms {
  const named = (name: string): string => `model.layers.${layer}.${name}.weight`;
  const around = norms === "around";
  return {
    attention: named("input_layernorm"),
    attentionOutput: around ? named("post_attention_layernorm") : null,
    mlp: named(around ? "pre_feedforward_layernorm" : "post_attention_layernorm"),
    mlpOutput: around ? named("post_feedforward_layernorm") : null,
    query: named("self_attn.q_norm"),
    key: named("self_attn.k_norm"),
  };
}

/** Every weight that the model needs and its shape. */
export function weightShapes(spec: RotaryDecoderSpec): Map<string, readonly number[]> {
  const { hiddenSize: hidden, headDim } = spec;
  const shapes = new Map<string, readonly number[]>([[embeddingWeight, [spec.vocabularySize, hidden]]]);
  for (const { path, inFeatures, outFeatures, bias } of projections(spec)) {
    shapes.set(`${path}.weight`, [outFeatures, inFeatures]);
    if (bias) shapes.set(`${path}.bias`, [outFeatures]);
  }
  spec.layers.forEach((_, layer) => {
    const { attention, attentionOutput, mlp, mlpOutput, query, key } = layerNorms(spec, layer);
    for (const name of [attention, attentionOutput, mlp, mlpOutput]) if (name !== null) shapes.set(name, [hidden]);
    if (spec.queryKeyNorm) shapes.set(query, [headDim]).set(key, [headDim]);
  });
  shapes.set(finalNormWeight, [hidden]);
  return shapes.set(headWeight(spec), [spec.vocabularySize, hidden]);
}
