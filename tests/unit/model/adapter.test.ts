import {
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { adapterConfigText } from "../../../src/model/adapter-config.js";
import {
  completeAdapter,
  flattenAdapter,
  loraLayout,
  readAdapter,
  writeAdapter,
  type LinearModule,
  type LoraSettings,
} from "../../../src/model/index.js";
import { expectTrouble, floatsFile, golden, safetensorsBytes, temporaryFolder, writeFolder } from "./helpers.js";

const sizes = { hidden: 64, keyValue: 32, mlp: 160, layers: 3 };

/** Modules of golden/llama in the model's order, written out from its config.json. */
function llamaModules(): LinearModule[] {
  const { hidden, keyValue, mlp, layers } = sizes;
  return Array.from({ length: layers }, (_, layer) => {
    const at = (name: string, inFeatures: number, outFeatures: number): LinearModule => ({
      path: `model.layers.${layer}.${name}`,
      inFeatures,
      outFeatures,
    });
    return [
      at("self_attn.q_proj", hidden, hidden),
      at("self_attn.k_proj", hidden, keyValue),
      at("self_attn.v_proj", hidden, keyValue),
      at("self_attn.o_proj", hidden, hidden),
      at("mlp.gate_proj", hidden, mlp),
      at("mlp.up_proj", hidden, mlp),
      at("mlp.down_proj", mlp, hidden),
    ];
  }).flat();
}

const settings: LoraSettings = { r: 8, alpha: 16, dropout: 0, targetModules: "all-linear", useRslora: false };
const layout = loraLayout(settings, llamaModules());

/** A copy of a golden adapter with changed settings. */
function adapterWith(patch: Record<string, unknown>): string {
  const folder = join(temporaryFolder(), "adapter");
  cpSync(golden("llama/adapter_init"), folder, { recursive: true });
  const path = join(folder, "adapter_config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...config, ...patch }));
  return folder;
}

it("an adapter of GPT-2 declares that weights are stored [in, out]", () => {
  const [module] = llamaModules();
  const fanInFanOut = (modules: LinearModule[]): unknown =>
    (JSON.parse(adapterConfigText(loraLayout(settings, modules), settings, "base")) as Record<string, unknown>)[
      "fan_in_fan_out"
    ];
  expect(fanInFanOut([module!])).toBe(false);
  expect(fanInFanOut([{ ...module!, inputsFirst: true }])).toBe(true);
});

describe("an adapter that PEFT wrote starts a run", () => {
  it("is read with its settings and all tensors", async () => {
    const adapter = await readAdapter(golden("llama/adapter_init"));
    expect(adapter.settings).toMatchObject({ r: 8, alpha: 16, dropout: 0, useRslora: false });
    const { targetModules } = adapter.settings;
    expect(Array.from(targetModules).sort()).toEqual(
      llamaModules()
        .map(({ path }) => path)
        .sort(),
    );
    const flat = flattenAdapter(adapter, layout);
    expect(flat.length).toBe(layout.size);
    // model.layers.0.self_attn.q_proj, found in the file by hand: first in the layout, not in the file.
    const bytes = readFileSync(golden("llama/adapter_init/adapter_model.safetensors"));
    const headerLength = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as Record<
      string,
      { data_offsets: number[] }
    >;
    const begin =
      8 + headerLength + header["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"]!.data_offsets[0]!;
    expect(flat[0]).toBe(bytes.readFloatLE(begin));
    expect(flat[1]).toBe(bytes.readFloatLE(begin + 4));
    expect(flat.some((value) => value !== 0)).toBe(true);
  });

  it("is widened exactly from half precision", async () => {
    const folder = adapterWith({ r: 1, lora_alpha: 1, target_modules: ["a"] });
    const name = "base_model.model.a.lora_A.weight";
    const other = "base_model.model.a.lora_B.weight";
    writeFileSync(
      join(folder, "adapter_model.safetensors"),
      safetensorsBytes(
        {
          [name]: { dtype: "BF16", shape: [1, 2], data_offsets: [0, 4] },
          [other]: { dtype: "F16", shape: [1, 1], data_offsets: [4, 6] },
        },
        Uint8Array.of(0xc0, 0x3f, 0x00, 0xc0, 0x00, 0x3c),
      ),
    );
    const half = { r: 1, alpha: 1, dropout: 0, targetModules: ["a"], useRslora: false };
    const small = loraLayout(half, [{ path: "a", inFeatures: 2, outFeatures: 1 }]);
    expect([...flattenAdapter(await readAdapter(folder), small)]).toEqual([1.5, -2, 1]);
  });
});

describe("a written adapter is one that PEFT loads", () => {
  const zeros = { layout, parameters: new Float32Array(layout.size), settings, baseModel: "some/base" };

  it("equals PEFT's bytes for the same tensors, and its settings field by field", async () => {
    const source = golden("llama/expected_adapter");
    const flat = flattenAdapter(await readAdapter(source), layout);
    const folder = join(temporaryFolder(), "adapter");
    await writeAdapter(folder, { ...zeros, parameters: flat });
    const weights = "adapter_model.safetensors";
    expect(readFileSync(join(folder, weights)).equals(readFileSync(join(source, weights)))).toBe(true);
    const read = (path: string): Record<string, unknown> =>
      JSON.parse(readFileSync(join(path, "adapter_config.json"), "utf8")) as Record<string, unknown>;
    const { target_modules: expectedTargets, ...expected } = read(source);
    const { target_modules: targets, ...found } = read(folder);
    expect(found).toEqual({ ...expected, base_model_name_or_path: "some/base" });
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    expect([...(targets as string[])].sort()).toEqual([...(expectedTargets as string[])].sort());
  });

  it("has a model card with the base model and the training settings", async () => {
    const folder = join(temporaryFolder(), "adapter");
    const training = { steps: 200, loss: "0.014" };
    await writeAdapter(folder, { ...zeros, training });
    const card = readFileSync(join(folder, "README.md"), "utf8");
    expect(card).toMatch(/^---\nbase_model: "some\/base"\nlibrary_name: peft\n/);
    expect(card).toContain('- "base_model:adapter:some/base"');
    expect(card).toContain("| steps | 200 |");
    expect(card).toContain("| trained parameters | 26880 |");
  });

  it("has a model card without local paths", async () => {
    const folder = join(temporaryFolder(), "adapter");
    const base = { id: null, sha256: "a".repeat(64), files: {} };
    const companions = new Map([
      ["chat_template.jinja", Buffer.from("x")],
      ["additional_chat_templates/tool_use.jinja", Buffer.from("y")],
      ["tokenizer.json", Buffer.from("{}")],
    ]);
    await writeAdapter(folder, { ...zeros, baseModel: "/home/me/models/mine", base, companions });
    const card = readFileSync(join(folder, "README.md"), "utf8");
    expect(card).not.toContain("/home/me");
    expect(card).not.toContain("base_model:");
    expect(card).toContain("| base model | a folder, `mine` |");
    expect(card).toContain(base.sha256);
    expect(card).toContain("`chat_template.jinja`, `additional_chat_templates/tool_use.jinja`");
    expect(card).toContain('AutoTokenizer.from_pretrained("PATH_OF_THIS_FOLDER")');
    expect(readFileSync(join(folder, "additional_chat_templates", "tool_use.jinja"), "utf8")).toBe("y");
    expect((await readAdapter(folder)).base).toEqual(base);
  });

  it("replaces an existing adapter, keeps the user's own files, and leaves no temporary files", async () => {
    const parent = temporaryFolder();
    const folder = join(parent, "adapter");
    await writeAdapter(folder, zeros);
    writeFolder(folder, { "extra.json": "mine", "notes/deep/a.txt": "mine, too" });
    symlinkSync("nowhere", join(folder, "link"));
    await writeAdapter(folder, { ...zeros, parameters: new Float32Array(layout.size).fill(2) });
    expect(readdirSync(parent)).toEqual(["adapter"]);
    expect(readFileSync(join(folder, "extra.json"), "utf8")).toBe("mine");
    expect(readFileSync(join(folder, "notes/deep/a.txt"), "utf8")).toBe("mine, too");
    expect(readlinkSync(join(folder, "link"))).toBe("nowhere");
    expect(flattenAdapter(await readAdapter(folder), layout)[0]).toBe(2);
  });

  it("is not rewritten, with the user's README.md, if the weights are the same", async () => {
    const parent = temporaryFolder();
    const folder = join(parent, "adapter");
    await completeAdapter(folder, zeros);
    writeFolder(folder, { "README.md": "my words", "extra.json": "mine" });
    await completeAdapter(folder, zeros);
    expect(readFileSync(join(folder, "README.md"), "utf8")).toBe("my words");
    // What is missing or has other weights is made again.
    rmSync(join(folder, "adapter_config.json"));
    await completeAdapter(folder, zeros);
    expect(existsSync(join(folder, "adapter_config.json"))).toBe(true);
    await completeAdapter(folder, { ...zeros, parameters: new Float32Array(layout.size).fill(2) });
    expect(flattenAdapter(await readAdapter(folder), layout)[0]).toBe(2);
    expect(readFileSync(join(folder, "extra.json"), "utf8")).toBe("mine");
    expect(readdirSync(parent)).toEqual(["adapter"]);
  });

  it("keeps target modules as given, and rsLoRA", async () => {
    const folder = join(temporaryFolder(), "adapter");
    const named = { ...settings, targetModules: ["q_proj"], useRslora: true };
    const small = loraLayout(named, [{ path: "model.layers.0.self_attn.q_proj", inFeatures: 2, outFeatures: 2 }]);
    await writeAdapter(folder, {
      layout: small,
      parameters: new Float32Array(small.size),
      settings: named,
      baseModel: "some/base",
    });
    const config = JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8")) as Record<string, unknown>;
    expect(config).toMatchObject({ target_modules: ["q_proj"], use_rslora: true, r: 8, lora_alpha: 16 });
    expect((await readAdapter(folder)).settings.useRslora).toBe(true);
  });
});

describe("a mismatched adapter is rejected with both values", () => {
  it("another rank", async () => {
    const adapter = await readAdapter(golden("llama/adapter_init"));
    const other = loraLayout({ ...settings, r: 16 }, llamaModules());
    expect(() => flattenAdapter(adapter, other)).toThrow(`lora.r is 16 but the adapter ${adapter.path} has r 8`);
  });

  it("another alpha, another kind of scale", async () => {
    const adapter = await readAdapter(golden("llama/adapter_init"));
    const refusal = (patch: Partial<LoraSettings>): (() => void) => {
      const run = { ...settings, ...patch };
      return () => flattenAdapter(adapter, loraLayout(run, llamaModules()), run);
    };
    expect(refusal({ alpha: 32 })).toThrow(`lora.lora_alpha is 32 but the adapter ${adapter.path} has lora_alpha 16`);
    expect(refusal({ useRslora: true })).toThrow(
      `lora.use_rslora is true but the adapter ${adapter.path} has use_rslora false`,
    );
    // 16 / sqrt(8) in place of 16 / 8 scales by the same 2 only with another alpha: still another setting.
    expect(refusal({ useRslora: true, alpha: 2 * Math.sqrt(8) })).toThrow("lora.lora_alpha is");
    const scaled = loraLayout({ ...settings, alpha: 32 }, llamaModules());
    expect(() => flattenAdapter(adapter, scaled)).toThrow(
      `lora.scale is 4 but the adapter ${adapter.path} has scale 2`,
    );
  });

  it("missing, extra and misshapen tensors", async () => {
    const adapter = await readAdapter(golden("llama/adapter_init"));
    const more = loraLayout(settings, [...llamaModules(), { path: "model.extra", inFeatures: 4, outFeatures: 4 }]);
    expect(() => flattenAdapter(adapter, more)).toThrow(/lacks base_model\.model\.model\.extra\.lora_A\.weight, /);
    const fewer = loraLayout(settings, llamaModules().slice(1));
    expect(() => flattenAdapter(adapter, fewer)).toThrow(
      /tensors that this run does not train: .*layers\.0\.self_attn\.q_proj\.lora_A/,
    );
    const modules = llamaModules();
    const wider = loraLayout(settings, [{ ...modules[0]!, inFeatures: 65 }, ...modules.slice(1)]);
    expect(() => flattenAdapter(adapter, wider)).toThrow(/q_proj\.lora_A\.weight as \[8,64\], expected \[8,65\]/);
  });
});

describe("problems of an adapter folder are named", () => {
  it.each([
    ["peft_type", "IA3"],
    ["use_dora", true],
    ["bias", "all"],
    ["modules_to_save", ["lm_head"]],
    ["rank_pattern", { q_proj: 4 }],
    ["alpha_pattern", { q_proj: 4 }],
    ["lora_bias", true],
    ["layer_replication", [[0, 1]]],
    ["trainable_token_indices", [1]],
    ["init_lora_weights", "pissa_niter_4"],
  ])("%s = %j", async (field, value) => {
    const trouble = await expectTrouble(readAdapter(adapterWith({ [field]: value })), "model");
    expect(trouble.message).toContain(`"${field}" is ${JSON.stringify(value)}, which is not supported`);
  });

  it.each([
    ["use_dora", false],
    ["modules_to_save", []],
    ["bias", "none"],
    ["init_lora_weights", "gaussian"],
    ["layers_to_transform", [0, 1, 2]],
  ])("%s = %j is accepted", async (field, value) => {
    expect((await readAdapter(adapterWith({ [field]: value }))).settings.r).toBe(8);
  });

  it.each([
    ["r", 0],
    ["r", 2.5],
    ["lora_alpha", "16"],
  ])("%s = %j is invalid", async (field, value) => {
    expect((await expectTrouble(readAdapter(adapterWith({ [field]: value })), "model")).message).toContain(
      `"${field}" must be`,
    );
  });

  // PEFT 0.21 evaluates such folders without the tensors that its configuration does not name (loss 6.8884 for 6.8741).
  it.each([
    ["target_modules", ["q_proj"]],
    ["target_modules", ".*q_proj"],
    ["exclude_modules", ["v_proj"]],
    ["layers_to_transform", [0]],
    ["layers_to_transform", 1],
  ])("tensors of modules that PEFT would ignore: %s = %j", async (field, value) => {
    expect((await expectTrouble(readAdapter(adapterWith({ [field]: value })), "model")).message).toMatch(
      /has base_model\.model\..*\.lora_[AB]\.weight, but adapter_config\.json does not adapt model\.layers\./,
    );
  });

  it.each([
    ["target_modules", "all-linear"],
    ["target_modules", ".*_proj"],
    ["target_modules", null],
    ["exclude_modules", "lm_head"],
  ])("%s = %j names them all", async (field, value) => {
    expect((await readAdapter(adapterWith({ [field]: value }))).settings.r).toBe(8);
  });

  it("a rank that differs from the tensors'", async () => {
    const { message, hint } = await expectTrouble(readAdapter(adapterWith({ r: 4 })), "model");
    expect(message).toMatch(/lora_A\.weight as \[8, \d+\], of rank 8, but adapter_config\.json has r 4/);
    expect(hint).toContain("belong to different adapters");
  });

  it("a flag with an invalid value", async () => {
    expect((await expectTrouble(readAdapter(adapterWith({ use_rslora: "yes" })), "model")).message).toContain(
      '"use_rslora" must be true or false, found "yes"',
    );
  });

  // Names as PEFT 0.21 saves them, whatever the configuration says of use_dora and lora_bias.
  it.each([
    ["lm_head.base_layer.weight", "on the output head"],
    ["lm_head.lora_A.weight", "on the output head"],
    ["model.embed_tokens.lora_embedding_A", "on the embeddings"],
    ["model.embed_tokens.base_layer.weight", "on the embeddings"],
    ["transformer.wte.lora_embedding_B", "on the embeddings"],
    ["model.layers.0.self_attn.q_proj.lora_magnitude_vector.weight", "DoRA"],
    ["model.layers.0.self_attn.q_proj.lora_B.bias", "a bias of a LoRA layer"],
  ])("%s: a correct adapter is accepted", async (name, what) => {
    const folder = adapterWith({ target_modules: ["lm_head", "embed_tokens"], r: 1 });
    const tensors = { [`base_model.model.${name}`]: { shape: [1, 2], values: [1, 2] } };
    writeFileSync(join(folder, "adapter_model.safetensors"), floatsFile(tensors));
    const { message, hint } = await expectTrouble(readAdapter(folder), "model");
    expect(message).toContain(name);
    expect(message).toContain(what);
    expect(message).toContain("not supported yet");
    expect(hint).not.toContain("another model");
  });

  it("missing files, and pickled weights", async () => {
    const folder = adapterWith({});
    rmSync(join(folder, "adapter_model.safetensors"));
    expect((await expectTrouble(readAdapter(folder), "model")).message).toContain(
      "adapter_model.safetensors: no such file",
    );
    writeFileSync(join(folder, "adapter_model.bin"), "");
    expect((await expectTrouble(readAdapter(folder), "model")).message).toContain("only adapter_model.bin");
  });

  it("truncated weights", async () => {
    const folder = adapterWith({});
    const bytes = floatsFile({ a: { shape: [1], values: [1] } });
    writeFileSync(join(folder, "adapter_model.safetensors"), bytes.subarray(0, -1));
    expect((await expectTrouble(readAdapter(folder), "model")).message).toContain("its header describes");
  });
});
