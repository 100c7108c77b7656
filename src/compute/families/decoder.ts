/**
 * The decoder that most families share, written once over `Ops<T>`. Does not know gradients, adapters or engines.
 */
import type { AttentionSettings, Ops } from "../ops.js";
import { attentionWidths, embeddingWeight, finalNormWeight, layerNorms, layerProjections } from "./decoder-weights.js";
import type { RotaryDecoderSpec, RotaryLayerSpec } from "./spec.js";

/** The batch's final hidden states, normed: [tokens, hidden]. */
export function hiddenStates<T>(ops: Ops<T>, spec: RotaryDecoderSpec): T {
  let x = ops.scale(ops.embedding(embeddingWeight), spec.embeddingScale);
  spec.layers.forEach((settings, layer) => {
    x = ops.block(x, (input) => decoderLayer(ops, spec, settings, layer, input));
  });
  return hiddenNorm(ops, spec, x, finalNormWeight);
}

function decoderLayer<T>(ops: Ops<T>, spec: RotaryDecoderSpec, settings: RotaryLayerSpec, layer: number, input: T): T {
  const norms = layerNorms(spec, layer);
  const attended = selfAttention(ops, spec, settings, layer, hiddenNorm(ops, spec, input, norms.attention));
  const x = ops.add(input, hiddenNorm(ops, spec, attended, norms.attentionOutput));
  const raised = gatedMlp(ops, spec, layer, hiddenNorm(ops, spec, x, norms.mlp));
  return ops.add(x, hiddenNorm(ops, spec, raised, norms.mlpOutput));
}

function selfAttention<T>(
  ops: Ops<T>,
  spec: RotaryDecoderSpec,
  { rotary, window }: RotaryLayerSpec,
  layer: number,
  x: T,
): T {
  const { heads, keyValueHeads, headDim, attentionScale: scale, attentionSoftCap: softCap } = spec;
  const { queryKeyValue, output } = layerProjections(spec, layer);
  const norms = layerNorms(spec, layer);
  const projected = ops.project(x, queryKeyValue);
  const [q, k, v] = projected.length === 1 ? ops.split(projected[0], attentionWidths(spec)) : projected;
  const prepare = (states: T, weight: string, groups: number): T => {
    const settings = { weight, width: headDim, groups, epsilon: spec.epsilon, offset: spec.normOffset };
    return ops.rotary(spec.queryKeyNorm ? ops.rmsNorm(states, settings) : states, groups, headDim, rotary);
  };
  const settings: AttentionSettings = { layer, heads, keyValueHeads, headDim, scale, softCap, window };
  const mixed = ops.attention(prepare(q, norms.query, heads), prepare(k, norms.key, keyValueHeads), v, settings);
  return ops.project(mixed, [output])[0];
}

function gatedMlp<T>(ops: Ops<T>, spec: RotaryDecoderSpec, layer: number, x: T): T {
  const { gateUp, down } = layerProjections(spec, layer);
  const { intermediateSize: width, activation } = spec;
  const projected = ops.project(x, gateUp);
  const [gate, up] = projected.length === 1 ? ops.split(projected[0], [width, width]) : projected;
  return ops.project(activation === "silu" ? ops.swiGlu(gate, up) : ops.geGlu(gate, up), [down])[0];
}

/** @param weight null: `x` is unchanged */
function hiddenNorm<T>(ops: Ops<T>, spec: RotaryDecoderSpec, x: T, weight: string | null): T {
  if (weight === null) return x;
  const { hiddenSize: width, epsilon, normOffset: offset } = spec;
  return ops.rmsNorm(x, { weight, width, groups: 1, epsilon, offset });
}
