import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mergeAdapter, openModelFolder, readAdapter, readTensor, type MergeType } from "../../../src/model/index.js";
import {
  expectTrouble,
  fullDisk,
  floatsFile,
  golden,
  safetensorsBytes,
  temporaryFolder,
  writeFolder,
  type PlainTensor,
} from "./helpers.js";

const q = "model.layers.0.self_attn.q_proj";

/** r 2, alpha 4: scale 2. A is [2, 3], B is [2, 2]. */
function adapterFolder(tensors?: Record<string, PlainTensor>, patch: Record<string, unknown> = {}): string {
  const pair = {
    [`base_model.model.${q}.lora_A.weight`]: { shape: [2, 3], values: [1, 2, 3, -1, 0, 0.5] },
    [`base_model.model.${q}.lora_B.weight`]: { shape: [2, 2], values: [0.5, 1, 0, -0.25] },
  };
  const config = {
    peft_type: "LORA",
    r: 2,
    lora_alpha: 4,
    lora_dropout: 0,
    base_model_name_or_path: "some/base",
    ...patch,
  };
  return writeFolder(temporaryFolder(), {
    "adapter_config.json": JSON.stringify(config),
    "adapter_model.safetensors": floatsFile(tensors ?? pair),
  });
}

const weight = [10, 20, 30, 40, 50, 60];
// 2 * B A = 2 * [[0.5-1, 1, 1.5+0.5], [0.25, 0, -0.125]]
const merged = [10 - 1, 20 + 2, 30 + 4, 40 + 0.5, 50, 60 - 0.25];

const norm = { shape: [2], values: [1, 1.0000001] };
const configText = '{\n  "model_type": "llama",\n  "torch_dtype": "float32",\n  "rms_norm_eps": 1e-06\n}\n';

function modelFolder(files: Record<string, string | Uint8Array> = {}): string {
  return writeFolder(temporaryFolder(), {
    "config.json": configText,
    "model.safetensors": floatsFile({ [`${q}.weight`]: { shape: [2, 3], values: weight }, "model.norm.weight": norm }),
    "tokenizer.json": "{}",
    LICENSE: "Apache-2.0",
    ...files,
  });
}

async function merge(model: string, adapter: string, output: string, dtype: MergeType = "auto") {
  return mergeAdapter({ model: await openModelFolder(model), adapter: await readAdapter(adapter), output, dtype });
}

async function valuesOf(folder: string, name: string): Promise<number[]> {
  const model = await openModelFolder(folder);
  return [...(await readTensor(model, model.tensors.get(name)!))];
}

const outputFolder = (): string => join(temporaryFolder(), "merged");

describe("a merged model is the base model plus the adapter", () => {
  it("W + scale * B A, computed by hand; other tensors and files are unchanged", async () => {
    const output = outputFolder();
    const model = modelFolder({ "pytorch_model.bin": "x", ".hidden": "x" });
    const report = await merge(model, adapterFolder(), output);
    expect(report).toEqual({ modules: 1, bytes: 32, leftOut: ["pytorch_model.bin"], rounding: null });
    expect(await valuesOf(output, `${q}.weight`)).toEqual(merged);
    expect(await valuesOf(output, "model.norm.weight")).toEqual(norm.values.map(Math.fround));
    expect(readdirSync(output).sort()).toEqual(["LICENSE", "config.json", "model.safetensors", "tokenizer.json"]);
    expect(readFileSync(join(output, "config.json"), "utf8")).toBe(configText);
    expect(readFileSync(join(output, "model.safetensors")).includes('"__metadata__":{"format":"pt"}')).toBe(true);
  });

  it("the loss by rounding to 16 bits is measured; float32 loses nothing", async () => {
    // bf16 has steps of 2 at 256: 256.5 rounds back to 256, 259 (a tie) to 260.
    const tensors = { [`${q}.weight`]: { shape: [1, 3], values: [256, 256, 256] } };
    const pair = {
      [`base_model.model.${q}.lora_A.weight`]: { shape: [2, 3], values: [0.5, 3, 0, 0, 0, 0] },
      [`base_model.model.${q}.lora_B.weight`]: { shape: [1, 2], values: [0.5, 0] },
    };
    const model = modelFolder({ "model.safetensors": floatsFile(tensors) });
    const output = outputFolder();
    const { rounding } = await merge(model, adapterFolder(pair), output, "bfloat16");
    expect(rounding).toEqual({ changed: 2, lost: 1, relativeError: Math.sqrt((0.5 ** 2 + 1) / (0.5 ** 2 + 3 ** 2)) });
    expect(await valuesOf(output, `${q}.weight`)).toEqual([256, 260, 256]);
    const exact = outputFolder();
    expect((await merge(model, adapterFolder(pair), exact, "float32")).rounding).toBeNull();
    expect(await valuesOf(exact, `${q}.weight`)).toEqual([256.5, 259, 256]);
  });

  it("config.json has the type of the weights, in which transformers loads them", async () => {
    const typeIn = (folder: string): unknown =>
      (JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Record<string, unknown>)["torch_dtype"];
    const wrong = modelFolder({ "config.json": configText.replace("float32", "bfloat16") });
    const [kept, halved, silent] = [outputFolder(), outputFolder(), outputFolder()];
    await merge(wrong, adapterFolder(), kept);
    expect(typeIn(kept)).toBe("float32");
    await merge(wrong, adapterFolder(), halved, "float16");
    expect(typeIn(halved)).toBe("float16");
    await merge(modelFolder({ "config.json": '{"model_type":"llama"}' }), adapterFolder(), silent);
    expect(typeIn(silent)).toBeUndefined();
  });

  it("with every small file of the base model's folder, nested ones too, and none of other weights", async () => {
    const model = modelFolder({
      "docs/deep/note.md": "n",
      "onnx/model.onnx": "x",
      "onnx/config.json": "{}",
      "original/consolidated.00.pth": "x",
      "runs/my-run/events.jsonl": "{}",
      "vocab.txt": "v",
    });
    const output = outputFolder();
    const { leftOut } = await merge(model, adapterFolder(), output);
    expect(leftOut).toEqual(["onnx/", "original/", "runs/"]);
    const files = readdirSync(output, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name).sort()).toEqual(
      ["LICENSE", "config.json", "model.safetensors", "note.md", "tokenizer.json", "vocab.txt"].sort(),
    );
    expect(readFileSync(join(output, "docs/deep/note.md"), "utf8")).toBe("n");
  });

  it("with the adapter's inference files instead of the base model's", async () => {
    const model = modelFolder({ "chat_template.jinja": "base", "additional_chat_templates/tool_use.jinja": "base" });
    const output = outputFolder();
    const companions = new Map([
      ["chat_template.jinja", Buffer.from("adapter")],
      ["tokenizer.json", Buffer.from("[]")],
    ]);
    const opened = await openModelFolder(model);
    await mergeAdapter({
      model: opened,
      adapter: await readAdapter(adapterFolder()),
      output,
      dtype: "auto",
      companions,
    });
    expect(readFileSync(join(output, "chat_template.jinja"), "utf8")).toBe("adapter");
    expect(readFileSync(join(output, "tokenizer.json"), "utf8")).toBe("[]");
    expect(existsSync(join(output, "additional_chat_templates"))).toBe(false);
  });

  it("with rsLoRA's scale", async () => {
    const output = outputFolder();
    await merge(modelFolder(), adapterFolder(undefined, { use_rslora: true, lora_alpha: Math.SQRT2 * 2 }), output);
    expect((await valuesOf(output, `${q}.weight`)).map((value) => value.toFixed(5))).toEqual(
      merged.map((value) => value.toFixed(5)),
    );
  });

  it("of GPT-2: into weights stored [in, out], named without their prefix", async () => {
    const module = "transformer.h.0.attn.c_attn";
    const adapter = adapterFolder(
      {
        [`base_model.model.${module}.lora_A.weight`]: { shape: [2, 3], values: [1, 2, 3, -1, 0, 0.5] },
        [`base_model.model.${module}.lora_B.weight`]: { shape: [2, 2], values: [0.5, 1, 0, -0.25] },
      },
      { fan_in_fan_out: true },
    );
    const transposed = [0, 3, 1, 4, 2, 5];
    for (const name of ["h.0.attn.c_attn.weight", `${module}.weight`]) {
      const tensor = { shape: [3, 2], values: transposed.map((at) => weight[at]!) };
      const files = { "config.json": '{"model_type":"gpt2"}', "model.safetensors": floatsFile({ [name]: tensor }) };
      const output = outputFolder();
      expect(await merge(modelFolder(files), adapter, output)).toEqual({
        modules: 1,
        bytes: 24,
        leftOut: [],
        rounding: null,
      });
      expect(await valuesOf(output, name)).toEqual(transposed.map((at) => merged[at]!));
    }
  });

  it("rejects fan_in_fan_out for another family, since a square matrix would be merged transposed", async () => {
    const output = outputFolder();
    await expect(merge(modelFolder(), adapterFolder(undefined, { fan_in_fan_out: true }), output)).rejects.toThrow(
      /fan_in_fan_out, but .* is not gpt2/,
    );
    expect(existsSync(output)).toBe(false);
  });

  it("rounded once to the base model's bfloat16, to nearest even", async () => {
    const bits = Uint16Array.from([0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x4120, 0x3f80]);
    const header = { [`${q}.weight`]: { dtype: "BF16", shape: [2, 3], data_offsets: [0, 12] } };
    const model = modelFolder({ "model.safetensors": safetensorsBytes(header, new Uint8Array(bits.buffer)) });
    // A row of ones times B: 1 + 2^-8 is half way and goes to the even 1; 1 + 3 * 2^-8 to the even 1 + 2^-6; and so on.
    const half = 2 ** -8;
    const adapter = adapterFolder(
      {
        [`base_model.model.${q}.lora_A.weight`]: { shape: [1, 3], values: [half, 3 * half, half * 1.01] },
        [`base_model.model.${q}.lora_B.weight`]: { shape: [2, 1], values: [1, 0] },
      },
      { r: 1, lora_alpha: 1 },
    );
    const output = outputFolder();
    await merge(model, adapter, output);
    expect(await valuesOf(output, `${q}.weight`)).toEqual([1, 1 + 2 ** -6, 1 + 2 ** -7, 1, 10, 1]);
  });

  it("shard by shard, with the same index", async () => {
    const index = JSON.stringify({
      metadata: { total_size: 32 },
      weight_map: { [`${q}.weight`]: "a.safetensors", "model.norm.weight": "b.safetensors" },
    });
    const model = writeFolder(temporaryFolder(), {
      "config.json": configText,
      "model.safetensors.index.json": index,
      "a.safetensors": floatsFile({ [`${q}.weight`]: { shape: [2, 3], values: weight } }),
      "b.safetensors": floatsFile({ "model.norm.weight": norm }),
      "unused.safetensors": "x",
    });
    const output = outputFolder();
    await merge(model, adapterFolder(), output);
    expect(readdirSync(output).sort()).toEqual([
      "a.safetensors",
      "b.safetensors",
      "config.json",
      "model.safetensors.index.json",
    ]);
    expect(readFileSync(join(output, "model.safetensors.index.json"), "utf8")).toBe(index);
    expect(await valuesOf(output, "model.norm.weight")).toEqual(norm.values.map(Math.fround));
    expect(await valuesOf(output, `${q}.weight`)).toEqual(merged);

    const halved = outputFolder();
    await merge(model, adapterFolder(), halved, "float16");
    const rewritten = JSON.parse(readFileSync(join(halved, "model.safetensors.index.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(rewritten).toEqual({ ...(JSON.parse(index) as object), metadata: { total_size: 16 } });
  });

  it("a weight larger than a block, against a plain double loop", async () => {
    const [out, inner, r] = [1100, 1000, 5];
    const random = (count: number, seed: number): number[] =>
      Array.from({ length: count }, (_, index) => Math.fround(Math.sin(seed + index * 1.7)));
    const [w, a, b] = [random(out * inner, 1), random(r * inner, 2), random(out * r, 3)];
    const model = modelFolder({
      "model.safetensors": floatsFile({ [`${q}.weight`]: { shape: [out, inner], values: w } }),
    });
    const adapter = adapterFolder(
      {
        [`base_model.model.${q}.lora_A.weight`]: { shape: [r, inner], values: a },
        [`base_model.model.${q}.lora_B.weight`]: { shape: [out, r], values: b },
      },
      { r, lora_alpha: 2 * r },
    );
    const output = outputFolder();
    await merge(model, adapter, output);
    const found = await valuesOf(output, `${q}.weight`);
    let worst = 0;
    for (let row = 0; row < out; row++) {
      for (let i = 0; i < inner; i++) {
        let expected = w[row * inner + i]!;
        for (let k = 0; k < r; k++) expected += 2 * b[row * r + k]! * a[k * inner + i]!;
        worst = Math.max(worst, Math.abs(expected - found[row * inner + i]!));
      }
    }
    // Half a unit in the last place of the largest values, below 16.
    expect(worst).toBeLessThanOrEqual(2 ** -21);
  });
});

describe("--dtype converts every float, and config.json says so", () => {
  it.each([
    ["bfloat16", "BF16", 1],
    ["float16", "F16", 1],
    ["float32", "F32", Math.fround(1.0000001)],
  ] as const)("%s", async (dtype, type, second) => {
    const output = outputFolder();
    await merge(modelFolder(), adapterFolder(), output, dtype);
    const { tensors, config } = await openModelFolder(output);
    expect([...tensors.values()].map((location) => location.dtype)).toEqual([type, type]);
    expect(config).toEqual({ model_type: "llama", torch_dtype: dtype, rms_norm_eps: 1e-6 });
    expect(await valuesOf(output, `${q}.weight`)).toEqual(merged);
    expect(await valuesOf(output, "model.norm.weight")).toEqual([1, second]);
  });

  it("under the key of transformers 5 if the model has that one", async () => {
    const output = outputFolder();
    await merge(modelFolder({ "config.json": '{"dtype": "float32"}' }), adapterFolder(), output, "float16");
    expect(JSON.parse(readFileSync(join(output, "config.json"), "utf8"))).toEqual({ dtype: "float16" });
  });

  it("rejects a value that float16 cannot represent, by name", async () => {
    const output = outputFolder();
    const model = modelFolder({
      "model.safetensors": floatsFile({ [`${q}.weight`]: { shape: [2, 3], values: [...weight.slice(0, 5), 70000] } }),
    });
    const trouble = await expectTrouble(merge(model, adapterFolder(), output, "float16"), "model");
    expect(trouble.message).toContain(`${q}.weight has the value 69999.75`);
    expect(existsSync(output)).toBe(false);
  });
});

describe("nothing is overwritten or left incomplete", () => {
  it("an output folder that is not empty", async () => {
    const output = writeFolder(temporaryFolder(), { precious: "x" });
    const trouble = await expectTrouble(merge(modelFolder(), adapterFolder(), output), "usage");
    expect(trouble.message).toBe(`${output}: the output folder is not empty`);
    expect(readdirSync(output)).toEqual(["precious"]);
  });

  it("an empty one is used", async () => {
    const output = outputFolder();
    mkdirSync(output);
    await merge(modelFolder(), adapterFolder(), output);
    expect(await valuesOf(output, `${q}.weight`)).toEqual(merged);
    expect(readdirSync(join(output, ".."))).toEqual(["merged"]);
  });

  it("a full disk", async () => {
    const output = outputFolder();
    const [model, adapter] = [modelFolder(), adapterFolder()];
    await fullDisk();
    expect((await expectTrouble(merge(model, adapter, output), "storage")).message).toContain("no space left");
    expect(readdirSync(join(output, ".."))).toEqual([]);
  });
});

describe("an adapter of another model is rejected", () => {
  it("a module that is missing in the model or has another size", async () => {
    const other = {
      [`base_model.model.x.lora_A.weight`]: { shape: [2, 3], values: weight },
      "base_model.model.x.lora_B.weight": { shape: [2, 2], values: [1, 2, 3, 4] },
    };
    expect((await expectTrouble(merge(modelFolder(), adapterFolder(other), outputFolder()), "model")).message).toMatch(
      /adapts x\.weight, which the model does not have/,
    );
    const model = modelFolder({
      "model.safetensors": floatsFile({ [`${q}.weight`]: { shape: [3, 3], values: [...weight, 1, 2, 3] } }),
    });
    expect((await expectTrouble(merge(model, adapterFolder(), outputFolder()), "model")).message).toMatch(
      /lora_B\.weight as \[2,2\], expected \[3,2\]/,
    );
  });

  it("tensors that are not a LoRA pair", async () => {
    const strange = { "base_model.model.x.lora_embedding_A": { shape: [2, 3], values: weight } };
    expect(
      (await expectTrouble(merge(modelFolder(), adapterFolder(strange), outputFolder()), "model")).message,
    ).toContain("is an adapter on the embeddings: not supported yet");
    const half = { [`base_model.model.${q}.lora_A.weight`]: { shape: [2, 3], values: weight } };
    expect((await expectTrouble(merge(modelFolder(), adapterFolder(half), outputFolder()), "model")).message).toContain(
      "lacks",
    );
    expect((await expectTrouble(merge(modelFolder(), adapterFolder({}), outputFolder()), "model")).message).toContain(
      "no tensors",
    );
  });

  it("a base model with non-float weights", async () => {
    const header = { [`${q}.weight`]: { dtype: "I8", shape: [2, 3], data_offsets: [0, 6] } };
    const model = modelFolder({ "model.safetensors": safetensorsBytes(header, 6) });
    expect((await expectTrouble(merge(model, adapterFolder(), outputFolder()), "model")).message).toContain(
      "only float weights",
    );
  });

  it("but golden models accept golden adapters", async () => {
    const output = outputFolder();
    expect(await merge(golden("llama/model"), golden("llama/expected_adapter"), output)).toEqual({
      modules: 21,
      bytes: 780032,
      leftOut: [],
      rounding: null,
    });
  });
});
