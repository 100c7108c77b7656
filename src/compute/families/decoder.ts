/**
 * The decoder that the families share, written once over `Ops<T>`, and the names and shapes of its weights.
 * Knows nothing of gradients, adapters or engines.
 */
import type { AttentionSettings, Ops, Projection } from "../ops.js";
import type { DecoderSpec } from "./spec.js";

export const embeddingWeight = "model.embed_tokens.weight";
const finalNormWeight = "model.norm.weight";

/** The matrix [vocabulary, hidden] that turns hidden states into logits. */
export const headWeight = (spec: DecoderSpec): string => (spec.tiedEmbeddings ? embeddingWeight : "lm_head.weight");

interface LayerProjections {
  readonly query: Projection;
  readonly key: Projection;
  readonly value: Projection;
  readonly output: Projection;
  readonly gate: Projection;
  readonly up: Projection;
  readonly down: Projection;
}

function layerProjections(spec: DecoderSpec, layer: number): LayerProjections {
  const { hiddenSize: hidden, intermediateSize: intermediate, biases } = spec;
  const queryWidth = spec.heads * spec.headDim;
  const keyWidth = spec.keyValueHeads * spec.headDim;
  const linear = (name: string, inFeatures: number, outFeatures: number, bias: boolean): Projection => {
    return { path: `model.layers.${layer}.${name}`, inFeatures, outFeatures, bias };
  };
  return {
    query: linear("self_attn.q_proj", hidden, queryWidth, biases.queryKeyValue),
    key: linear("self_attn.k_proj", hidden, keyWidth, biases.queryKeyValue),
    value: linear("self_attn.v_proj", hidden, keyWidth, biases.queryKeyValue),
    output: linear("self_attn.o_proj", queryWidth, hidden, biases.output),
    gate: linear("mlp.gate_proj", hidden, intermediate, biases.mlp),
    up: linear("mlp.up_proj", hidden, intermediate, biases.mlp),
    down: linear("mlp.down_proj", intermediate, hidden, biases.mlp),
  };
}

/** Every linear layer but the head, in the order in which the model has them (PEFT's "all-linear"). */
export function projections(spec: DecoderSpec): Projection[] {
  return spec.windows.flatMap((_, layer) => Object.values(layerProjections(spec, layer)) as Projection[]);
}

/** Every weight that the model needs and its shape. */
export function weightShapes(spec: DecoderSpec): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const hidden = spec.hiddenSize;
  shapes.set(embeddingWeight, [spec.vocabularySize, hidden]);
  for (const { path, inFeatures, outFeatures, bias } of projections(spec)) {
    shapes.set(`${path}.weight`, [outFeatures, inFeatures]);
    if (bias) shapes.set(`${path}.bias`, [outFeatures]);
  }
  spec.windows.forEach((_, layer) => {
    const names = normWeights(layer);
    shapes.set(names.input, [hidden]).set(names.postAttention, [hidden]);
    if (spec.queryKeyNorm) shapes.set(names.query, [spec.headDim]).set(names.key, [spec.headDim]);
  });
  shapes.set(finalNormWeight, [hidden]);
  return shapes.set(headWeight(spec), [spec.vocabularySize, hidden]);
}

function normWeights(layer: number): Record<"input" | "postAttention" | "query" | "key", string> {
  const prefix = `model.layers.${layer}`;
  return {
    input: `${prefix}.input_layernorm.weight`,
    postAttention: `${prefix}.post_attention_layernorm.weight`,
    query: `${prefix}.self_attn.q_norm.weight`,
    key: `${prefix}.self_attn.k_norm.weight`,
  };
}

/** The batch's final hidden states, normed: [tokens, hidden]. */
export function hiddenStates<T>(ops: Ops<T>, spec: DecoderSpec): T {
  let x = ops.embedding(embeddingWeight);
  for (let layer = 0; layer < spec.windows.length; layer++) {
    x = ops.block(x, (input) => decoderLayer(ops, spec, layer, input));
  }
  return hiddenNorm(ops, spec, x, finalNormWeight);
}

function decoderLayer<T>(ops: Ops<T>, spec: DecoderSpec, layer: number, input: T): T {
  const { gate, up, down } = layerProjections(spec, layer);
  const norms = normWeights(layer);
  const x = ops.add(input, selfAttention(ops, spec, layer, hiddenNorm(ops, spec, input, norms.input)));
  const [gated, raised] = ops.project(hiddenNorm(ops, spec, x, norms.postAttention), [gate, up]);
  const [mlp] = ops.project(ops.swiGlu(gated, raised), [down]);
  return ops.add(x, mlp);
}

function selfAttention<T>(ops: Ops<T>, spec: DecoderSpec, layer: number, x: T): T {
  const { query, key, value, output } = layerProjections(spec, layer);
  const norms = normWeights(layer);
  const [q, k, v] = ops.project(x, [query, key, value]);
  const prepare = (states: T, weight: string, heads: number): T => {
    const settings = { weight, width: spec.headDim, groups: heads, epsilon: spec.epsilon };
    return ops.rotary(spec.queryKeyNorm ? ops.rmsNorm(states, settings) : states, heads, spec.rotary);
  };
  const queries = prepare(q, norms.query, spec.heads);
  const keys = prepare(k, norms.key, spec.keyValueHeads);
  const [result] = ops.project(ops.attention(queries, keys, v, attentionSettings(spec, layer)), [output]);
  return result;
}

function hiddenNorm<T>(ops: Ops<T>, spec: DecoderSpec, x: T, weight: string): T {
  return ops.rmsNorm(x, { weight, width: spec.hiddenSize, groups: 1, epsilon: spec.epsilon });
}

function attentionSettings(spec: DecoderSpec, layer: number): AttentionSettings {
  const { heads, keyValueHeads, headDim } = spec;
  return { layer, heads, keyValueHeads, headDim, scale: 1 / Math.sqrt(headDim), window: spec.windows[layer] ?? null };
}
