/** GPT-2, DistilGPT-2 and others of `model_type: gpt2`. */
import type { ConfigReader } from "./config-reader.js";
import { refuseQuantised, requireActivation } from "./parse.js";
import type { Gpt2Spec } from "./spec.js";

export function gpt2(config: ConfigReader): Gpt2Spec {
  refuseQuantised(config);
  // Both names mean gelu by tanh.
  requireActivation(config, "activation_function", "gelu_new", ["gelu_new", "gelu_pytorch_tanh"]);
  if (config.boolean("add_cross_attention", false)) throw config.fail("add_cross_attention is not supported");
  const hiddenSize = config.count("n_embd", 768);
  const heads = config.count("n_head", 12);
  if (hiddenSize % heads !== 0) throw config.fail(`n_embd ${hiddenSize} is not a multiple of n_head ${heads}`);
  const headDim = hiddenSize / heads;
  const positions = config.count("n_positions", 1024);
  const scale = config.boolean("scale_attn_weights", true) ? 1 / Math.sqrt(headDim) : 1;
  const byLayer = config.boolean("scale_attn_by_inverse_layer_idx", false);
  return {
    architecture: "gpt2",
    family: "gpt2",
    vocabularySize: config.count("vocab_size", 50257),
    hiddenSize,
    heads,
    keyValueHeads: heads,
    headDim,
    layers: Array.from({ length: config.count("n_layer", 12) }, (_, layer) => ({
      window: null,
      attentionScale: byLayer ? scale / (layer + 1) : scale,
    })),
    positions,
    intermediateSize: config.count("n_inner", 4 * hiddenSize),
    epsilon: config.positive("layer_norm_epsilon", 1e-5),
    logitSoftCap: null,
    positionLimit: { positions, reason: "n_positions" },
    tiedEmbeddings: config.boolean("tie_word_embeddings", true),
  };
}
