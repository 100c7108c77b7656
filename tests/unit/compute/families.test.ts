import { describe, expect, it } from "vitest";
import { describeModel, familyOf, linearModules, resolveTargets } from "../../../src/compute/families/index.js";
import { CoxswainError } from "../../../src/errors.js";
import type { ModelFolder, TensorLocation } from "../../../src/model/index.js";
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

describe("a model that cannot be trained right is trained wrong", () => {
  it("another family: says so and lists those that are supported", () => {
    const error = caught(() => familyOf({ model_type: "gemma3" }));
    expect(error.code).toBe("model");
    expect(error.message).toContain('"gemma3" is not supported');
    expect(error.hint).toContain(
      "Supported families: llama, mistral, qwen2, qwen3, phi3, gemma2, gemma3_text, gpt2. Of Gemma 3 those without images",
    );
    expect(caught(() => familyOf({ model_type: "bloom" })).hint).toMatch(/gpt2\.$/);
    expect(caught(() => familyOf({})).message).toContain("no model_type");
  });

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
      "no sliding window is in use",
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
    expect(message).toContain(`${weight} in model.safetensors has shape [64, 160], but config.json makes it [160, 64]`);
  });

  it("a tensor of another type: names both", () => {
    expect(caught(() => describeModel(withTensor(weight, { dtype: "I8" }))).message).toContain(
      `${weight} in model.safetensors is I8`,
    );
  });
});

describe("windows and biases are not where transformers has them", () => {
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

  it("qwen2 without its biases is an error that names the first", () => {
    const { message } = caught(() => describeModel(withConfig({ model_type: "qwen2" })));
    expect(message).toContain("model.layers.0.self_attn.q_proj.bias [64] is missing");
  });
});

describe("target modules select other modules than PEFT's", () => {
  const modules = linearModules(base);
  const paths = (targetModules: "all-linear" | string[]): string[] =>
    resolveTargets({ targetModules }, modules).map(({ path }) => path);

  it("all-linear is every linear layer but the head, in the model's order", () => {
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

  it("a name that matches nothing is refused, and what exists is listed", () => {
    for (const name of ["proj", "query_key_value", "lm_head"]) {
      const error = caught(() => paths(["q_proj", name]));
      expect(error.message).toContain(`"${name}" matches no linear layer`);
      expect(error.hint).toContain("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
    }
  });
});
