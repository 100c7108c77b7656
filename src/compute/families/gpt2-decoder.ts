/** GPT-2's decoder over `Ops<T>`, and the names and shapes of its weights as transformers has them. */
import type { Ops, Projection } from "../ops.js";
import type { Gpt2LayerSpec, Gpt2Spec } from "./spec.js";

export const embeddingWeight = "transformer.wte.weight";
const positionWeight = "transformer.wpe.weight";
const finalNorm = "transformer.ln_f";

export const headWeight = (spec: Gpt2Spec): string => (spec.tiedEmbeddings ? embeddingWeight : "lm_head.weight");

type LayerProjections = Record<"queryKeyValue" | "output" | "up" | "down", Projection>;

function layerProjections({ hiddenSize, intermediateSize }: Gpt2Spec, layer: number): LayerProjections {
  const linear = (name: string, inFeatures: number, outFeatures: number): Projection => {
    return { path: `transformer.h.${layer}.${name}`, inFeatures, outFeatures, bias: true, inputsFirst: true };
  };
  return {
    queryKeyValue: linear("attn.c_attn", hiddenSize, 3 * hiddenSize),
    output: linear("attn.c_proj", hiddenSize, hiddenSize),
    up: linear("mlp.c_fc", hiddenSize, intermediateSize),
    down: linear("mlp.c_proj", intermediateSize, hiddenSize),
  };
}

const attentionNorm = (layer: number): string => `transformer.h.${layer}.ln_1`;
const mlpNorm = (layer: number): string => `transformer.h.${layer}.ln_2`;

export function projections(spec: Gpt2Spec): Projection[] {
  return spec.layers.flatMap((_, layer) => Object.values<Projection>(layerProjections(spec, layer)));
}

export function weightShapes(spec: Gpt2Spec): Map<string, readonly number[]> {
  const { hiddenSize, vocabularySize } = spec;
  const shapes = new Map<string, readonly number[]>();
  shapes.set(embeddingWeight, [vocabularySize, hiddenSize]).set(positionWeight, [spec.positions, hiddenSize]);
  for (const { path, inFeatures, outFeatures } of projections(spec)) {
    shapes.set(`${path}.weight`, [inFeatures, outFeatures]).set(`${path}.bias`, [outFeatures]);
  }
  const norms = spec.layers.flatMap((_, layer) => [attentionNorm(layer), mlpNorm(layer)]);
  for (const norm of [...norms, finalNorm]) {
    shapes.set(`${norm}.weight`, [hiddenSize]).set(`${norm}.bias`, [hiddenSize]);
  }
  return shapes.set(headWeight(spec), [vocabularySize, hiddenSize]);
}

/** The batch's final hidden states, normed: [tokens, hidden]. */
export function hiddenStates<T>(ops: Ops<T>, spec: Gpt2Spec): T {
  let x = ops.add(ops.embedding(embeddingWeight), ops.positionEmbedding(positionWeight));
  spec.layers.forEach((settings, layer) => {
    x = ops.block(x, (input) => decoderLayer(ops, spec, settings, layer, input));
  });
  return norm(ops, spec, x, finalNorm);
}

function decoderLayer<T>(
  ops: Ops<T>,
  spec: Gpt2Spec,
  { attentionScale: scale, window }: Gpt2LayerSpec,
  layer: number,
  input: T,
): T {
  const { hiddenSize, heads, keyValueHeads, headDim } = spec;
  const { queryKeyValue, output, up, down } = layerProjections(spec, layer);
  const [projected] = ops.project(norm(ops, spec, input, attentionNorm(layer)), [queryKeyValue]);
  const [q, k, v] = ops.split(projected, [hiddenSize, hiddenSize, hiddenSize]);
  const mixed = ops.attention(q, k, v, { layer, heads, keyValueHeads, headDim, scale, softCap: null, window });
  const x = ops.add(input, ops.project(mixed, [output])[0]);
  const [raised] = ops.project(norm(ops, spec, x, mlpNorm(layer)), [up]);
  return ops.add(x, ops.project(ops.gelu(raised), [down])[0]);
}

const norm = <T>(ops: Ops<T>, { hiddenSize, epsilon }: Gpt2Spec, x: T, name: string): T =>
  ops.layerNorm(x, { weight: `${name}.weight`, bias: `${name}.bias`, width: hiddenSize, epsilon });
