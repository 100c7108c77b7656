import { describe, expect, it } from "vitest";
import {
  describeModel,
  families,
  familyOf,
  linearModules,
  resolveTargets,
  rotariesOf,
  weightShapes,
  type DecoderSpec,
  type RotaryDecoderSpec,
} from "../../../src/compute/families/index.js";
import { ConfigReader } from "../../../src/compute/families/config-reader.js";
import type { Gpt2Spec, RotaryLayerSpec } from "../../../src/compute/families/spec.js";
import { collate } from "../../../src/data/row.js";
import { CoxswainError } from "../../../src/errors.js";
import type { ModelFolder, TensorLocation } from "../../../src/model/index.js";
import { withGolden } from "../../support/compute/engine.js";
import { openGolden } from "../../support/compute/golden.js";

function caught(action: () => unknown): CoxswainError {
  try {
    action();
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const base = (await openGolden("llama")).model;
const withConfig = (config: Record<string, unknown>): ModelFolder => ({
  ...base,
  config: { ...base.config, ...config },
});
function withTensor(name: string, location: Partial<TensorLocation> | null): ModelFolder {
  const tensors = new Map(base.tensors);
  if (location === null) tensors.delete(name);
  else tensors.set(name, { ...base.tensors.get(name)!, ...location });
  return { ...base, tensors };
}

describe("an unsupported model is refused", () => {
  it("another family: lists the supported ones", () => {
    const error = caught(() => familyOf({ model_type: "gemma3" }, "here"));
    expect(error.code).toBe("model");
    expect(error.message).toContain('here/config.json: model family "gemma3" is not supported');
    expect(error.hint).toContain(
      "Supported families: llama, mistral, qwen2, qwen3, phi3, gemma2, gemma3_text, gpt2. Gemma 3 models must be text-only",
    );
    expect(caught(() => familyOf({ model_type: "bloom" }, "here")).hint).toMatch(/gpt2\.$/);
    expect(caught(() => familyOf({}, "here")).message).toBe("here/config.json: has no model_type");
  });

  it.each([{ hidden_size: "64" }, { hidden_size: null }, { num_hidden_layers: 2.5 }])(
    "an unusable value: says where it is and what to do: %j",
    (config) => {
      const error = caught(() => describeModel(withConfig(config)));
      expect(error.message).toContain(`${base.path}/config.json: "${String(Object.keys(config)[0])}" `);
      expect(error.hint).toContain("Correct the key");
    },
  );

  it.each([
    [{ hidden_act: "gelu" }, 'hidden_act "gelu" is not supported'],
    [{ quantization_config: { quant_method: "gptq" } }, "quantization_config"],
    [{ hidden_size: null }, '"hidden_size" is missing'],
    [{ num_hidden_layers: 2.5 }, '"num_hidden_layers" must be a positive whole number'],
    [{ vocab_size: "512" }, '"vocab_size" must be a number'],
    [{ num_key_value_heads: 3 }, "num_attention_heads 4 is not a multiple of num_key_value_heads 3"],
    [{ model_type: "qwen3", layer_types: ["full_attention"] }, '"layer_types" must be a list of 3 entries'],
    [
      { model_type: "qwen3", layer_types: ["full_attention", "chunked_attention", "full_attention"] },
      'layer type "chunked_attention" is not supported',
    ],
    [
      { model_type: "qwen2", layer_types: ["sliding_attention", "full_attention", "full_attention"] },
      "sliding windows are disabled",
    ],
  ])("config.json with %j: names it", (config, message) => {
    const error = caught(() => describeModel(withConfig(config)));
    expect(error.code).toBe("model");
    expect(error.message).toContain("config.json: ");
    expect(error.message).toContain(message);
  });

  const weight = "model.layers.1.mlp.up_proj.weight";
  it("a missing tensor: names it and its shape", () => {
    expect(caught(() => describeModel(withTensor(weight, null))).message).toContain(`${weight} [160, 64] is missing`);
  });

  it("a misshapen tensor: names it, its file and both shapes", () => {
    const { message } = caught(() => describeModel(withTensor(weight, { shape: [64, 160] })));
    expect(message).toContain(`${weight} in model.safetensors has shape [64, 160], but config.json requires [160, 64]`);
  });

  it("a tensor of another type: names both", () => {
    expect(caught(() => describeModel(withTensor(weight, { dtype: "I8" }))).message).toContain(
      `${weight} in model.safetensors is I8`,
    );
  });
});

describe("windows and biases are placed as in transformers", () => {
  const windows = (config: Record<string, unknown>): readonly (number | null)[] => {
    // Only the description is of interest: the weights are those of another family.
    const named = new Map([...base.tensors, ...biases()]);
    return describeModel({ ...withConfig(config), tensors: named }).layers.map(({ window }) => window);
  };
  function* biases(): Iterable<[string, TensorLocation]> {
    const place = { file: "model.safetensors", dtype: "F32", byteOffset: 0, byteLength: 0 } as const;
    for (let layer = 0; layer < 3; layer++) {
      const prefix = `model.layers.${layer}.self_attn`;
      yield [`${prefix}.q_proj.bias`, { ...place, shape: [64] }];
      yield [`${prefix}.k_proj.bias`, { ...place, shape: [32] }];
      yield [`${prefix}.v_proj.bias`, { ...place, shape: [32] }];
    }
  }

  it("mistral: absent is 4096, null is none", () => {
    expect(windows({ model_type: "mistral" })).toEqual([4096, 4096, 4096]);
    expect(windows({ model_type: "mistral", sliding_window: null })).toEqual([null, null, null]);
    expect(windows({ model_type: "mistral", sliding_window: 7 })).toEqual([7, 7, 7]);
  });

  it("qwen2: none unless use_sliding_window, then from max_window_layers or by layer_types", () => {
    expect(windows({ model_type: "qwen2", sliding_window: 7, max_window_layers: 0 })).toEqual([null, null, null]);
    const used = { model_type: "qwen2", use_sliding_window: true, sliding_window: 7 };
    expect(windows({ ...used, max_window_layers: 1 })).toEqual([null, 7, 7]);
    expect(windows(used)).toEqual([null, null, null]);
    const types = ["sliding_attention", "full_attention", "sliding_attention"];
    expect(windows({ ...used, layer_types: types })).toEqual([7, null, 7]);
  });

  it("qwen2 without its biases: names the first missing one", () => {
    const { message } = caught(() => describeModel(withConfig({ model_type: "qwen2" })));
    expect(message).toContain("model.layers.0.self_attn.q_proj.bias [64] is missing");
  });
});

/** A description from a config.json alone: weights of the right shapes are made up. */
function described(config: Record<string, unknown>): DecoderSpec {
  const spec = families[familyOf(config, "folder")](ConfigReader.of({ path: "folder", config, tensors: new Map() }));
  const tensors = new Map([...weightShapes(spec)].map(([name, shape]) => [name, { ...anywhere, shape }] as const));
  return describeModel({ path: "folder", config, tensors });
}
const anywhere = { file: "model.safetensors", dtype: "F32", byteOffset: 0, byteLength: 0 } as const;

const sizes = {
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 6,
  max_position_embeddings: 32768,
};
const gemma2Config = { model_type: "gemma2", ...sizes, head_dim: 32, query_pre_attn_scalar: 64, sliding_window: 8 };
const gemma3Config = {
  model_type: "gemma3_text",
  ...sizes,
  head_dim: 32,
  query_pre_attn_scalar: 64,
  sliding_window: 8,
};
const phi3Config = { model_type: "phi3", ...sizes };
const longRope = { type: "longrope", short_factor: [1, 1.5, 2, 2.5, 3, 4], long_factor: [2, 3, 4, 5, 6, 7] };
const gpt2Config = { model_type: "gpt2", vocab_size: 100, n_embd: 64, n_head: 4, n_layer: 2, n_positions: 32 };

describe("gemma, phi3 and gpt2 are read as by transformers", () => {
  const windows = (config: Record<string, unknown>) => described(config).layers.map(({ window }) => window);

  it("gemma2: windows in every other layer from the first, or by layer_types", () => {
    expect(windows(gemma2Config)).toEqual([8, null, 8, null, 8, null]);
    const types = ["full_attention", ...Array<string>(5).fill("sliding_attention")];
    expect(windows({ ...gemma2Config, layer_types: types })).toEqual([null, 8, 8, 8, 8, 8]);
    expect(windows({ ...gemma2Config, sliding_window: undefined })[0]).toBe(4096);
  });

  it("gemma2: caps by default 50 and 30, none where null; scores by query_pre_attn_scalar; tied", () => {
    const spec = described(gemma2Config) as RotaryDecoderSpec;
    expect([spec.attentionSoftCap, spec.logitSoftCap]).toEqual([50, 30]);
    expect(spec.attentionScale).toBe(1 / 8);
    expect(spec.embeddingScale).toBe(8);
    expect(spec.tiedEmbeddings).toBe(true);
    const without = described({ ...gemma2Config, attn_logit_softcapping: null, final_logit_softcapping: null });
    expect((without as RotaryDecoderSpec).attentionSoftCap).toBeNull();
    expect(without.logitSoftCap).toBeNull();
  });

  it("gemma3: settings of transformers 4 and 5 are equivalent", () => {
    const old = {
      rope_theta: 5000,
      rope_local_base_freq: 300,
      rope_scaling: { factor: 8, rope_type: "linear" },
      sliding_window_pattern: 3,
    };
    const sliding = ["sliding_attention", "sliding_attention", "full_attention"];
    const rope = {
      full_attention: { rope_type: "linear", factor: 8, rope_theta: 5000 },
      sliding_attention: { rope_type: "default", rope_theta: 300 },
    };
    const four = described({ ...gemma3Config, ...old }) as RotaryDecoderSpec;
    expect(described({ ...gemma3Config, rope_parameters: rope, layer_types: [...sliding, ...sliding] })).toEqual(four);
    expect(four.layers.map(({ window }) => window)).toEqual([8, 8, null, 8, 8, null]);
    const second = four.layers.map(({ rotary }) => rotary.inverseFrequencies[1]!);
    expect(second[0]).toBeCloseTo(300 ** (-1 / 16), 6);
    expect(second[2]).toBeCloseTo(5000 ** (-1 / 16) / 8, 6);
    expect(rotariesOf(four)).toHaveLength(2);
    expect([four.attentionSoftCap, four.logitSoftCap]).toEqual([null, null]);
  });

  it("gemma3: every sixth layer sees everything, bases 1,000,000 and 10,000", () => {
    const { layers } = described(gemma3Config) as RotaryDecoderSpec;
    expect(layers.map(({ window }) => window)).toEqual([8, 8, 8, 8, 8, null]);
    expect(layers[5]!.rotary.inverseFrequencies[8]).toBeCloseTo(1e-3, 8);
    expect(layers[0]!.rotary.inverseFrequencies[8]).toBeCloseTo(1e-2, 8);
  });

  it("phi3: partial rotation, longrope up to the original length; `su` is longrope", () => {
    const five = {
      ...phi3Config,
      original_max_position_embeddings: 4096,
      rope_parameters: { ...longRope, rope_theta: 1e4, partial_rotary_factor: 0.75 },
    };
    const four = { ...five, rope_parameters: undefined, partial_rotary_factor: 0.75 };
    const spec = described(five) as RotaryDecoderSpec;
    expect(described({ ...four, rope_scaling: longRope })).toEqual(spec);
    expect(described({ ...four, rope_scaling: { ...longRope, type: "su" } })).toEqual(spec);
    expect(spec.positionLimit?.positions).toBe(4096);
    const [{ rotary }] = spec.layers as [RotaryLayerSpec];
    expect(rotary.inverseFrequencies).toHaveLength(6);
    expect(rotary.inverseFrequencies[5]).toBeCloseTo(1 / (4 * 1e4 ** (5 / 6)), 9);
    expect(rotary.attentionFactor).toBeCloseTo(Math.sqrt(1 + Math.log(8) / Math.log(4096)), 12);
    expect(described(phi3Config).positionLimit).toBeNull();
  });

  it("gpt2: transformers' defaults; scores by layer if config.json says so", () => {
    const spec = described(gpt2Config) as Gpt2Spec;
    expect(spec).toMatchObject({ intermediateSize: 256, epsilon: 1e-5, headDim: 16, tiedEmbeddings: true });
    expect(spec.positionLimit).toEqual({ positions: 32, reason: "n_positions" });
    const scales = (config: object) =>
      (described({ ...gpt2Config, ...config }) as Gpt2Spec).layers.map(({ attentionScale }) => attentionScale);
    expect(scales({})).toEqual([1 / 4, 1 / 4]);
    expect(scales({ scale_attn_by_inverse_layer_idx: true })).toEqual([1 / 4, 1 / 8]);
    expect(scales({ scale_attn_weights: false })).toEqual([1, 1]);
  });

  it.each([
    [{ ...gemma2Config, hidden_activation: "gelu" }, 'hidden_activation "gelu" is not supported'],
    [{ ...gemma2Config, use_bidirectional_attention: true }, "use_bidirectional_attention"],
    [{ ...gemma2Config, sliding_window: null }, '"sliding_window" must be a number'],
    [{ ...gemma3Config, attn_logit_softcapping: 50 }, '"attn_logit_softcapping" is not supported'],
    [
      { ...gemma3Config, rope_parameters: { rope_theta: 1e4 } },
      'settings for "full_attention" and "sliding_attention"',
    ],
    [{ ...phi3Config, rope_scaling: { type: "linear", factor: 2 } }, 'rope type "linear" is not supported'],
    [{ ...phi3Config, rope_scaling: { ...longRope } }, '"short_factor" must be a list of 8 positive numbers'],
    [{ ...phi3Config, partial_rotary_factor: 0.2 }, "rotary positions need an even number"],
    [{ ...phi3Config, hidden_act: "gelu" }, 'hidden_act "gelu" is not supported'],
    [{ ...gpt2Config, activation_function: "relu" }, 'activation_function "relu" is not supported'],
    [{ ...gpt2Config, add_cross_attention: true }, "add_cross_attention is not supported"],
    [{ ...gpt2Config, n_head: 5 }, "n_embd 64 is not a multiple of n_head 5"],
  ])("%j: names what is not supported", (config, message) => {
    const error = caught(() => described(config));
    expect(error.code).toBe("model");
    expect(error.message).toContain("config.json: ");
    expect(error.message).toContain(message);
  });

  it("an example longer than the positions is refused", async () => {
    await withGolden("gpt2-packed", async (trainable) => {
      const inputIds = Int32Array.from({ length: 65 }, (_, i) => i);
      const batch = collate([{ inputIds, labels: inputIds, segments: [65] }]);
      await expect(trainable.loss(batch)).rejects.toThrow(/has 65 tokens, but the model takes 64 \(.*n_positions\)/);
      const packed = collate([{ inputIds, labels: inputIds, segments: [60, 5] }]);
      expect((await trainable.loss(packed)).tokens).toBe(63);
    });
  });
});

describe("target modules select the same modules as in PEFT", () => {
  const modules = linearModules(base);
  const paths = (targetModules: "all-linear" | string[]): string[] =>
    resolveTargets({ targetModules }, modules).map(({ path }) => path);

  it("all-linear selects every linear layer except the head, in the model's order", () => {
    expect(paths("all-linear")).toHaveLength(21);
    expect(paths("all-linear").slice(0, 7)).toEqual(
      [
        "self_attn.q_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
        "self_attn.o_proj",
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.down_proj",
      ].map((name) => `model.layers.0.${name}`),
    );
    expect(modules[4]).toEqual({ path: "model.layers.0.mlp.gate_proj", inFeatures: 64, outFeatures: 160 });
  });

  it("names match whole path components from the end, or the whole path", () => {
    expect(paths(["v_proj"])).toEqual([0, 1, 2].map((layer) => `model.layers.${layer}.self_attn.v_proj`));
    expect(paths(["mlp.up_proj", "model.layers.1.self_attn.q_proj"])).toEqual([
      "model.layers.0.mlp.up_proj",
      "model.layers.1.self_attn.q_proj",
      "model.layers.1.mlp.up_proj",
      "model.layers.2.mlp.up_proj",
    ]);
  });

  it("a name that matches nothing is refused, with a list of modules", () => {
    for (const name of ["proj", "query_key_value"]) {
      const error = caught(() => paths(["q_proj", name]));
      expect(error.message).toContain(`"${name}" matches no linear layer`);
      expect(error.hint).toContain("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
    }
  });

  it("head and embeddings, which PEFT can adapt, are refused as not supported yet", () => {
    for (const name of ["lm_head", "embed_tokens", "model.embed_tokens"]) {
      expect(caught(() => paths([name])).message).toContain(
        `"${name}": adapting the head or embeddings is not supported`,
      );
    }
  });
});
