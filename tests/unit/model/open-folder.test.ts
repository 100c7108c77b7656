import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openModelFolder, readTensor } from "../../../src/model/index.js";
import {
  expectTrouble,
  floatsFile,
  golden,
  safetensorsBytes,
  temporaryFolder,
  writeFolder,
  type PlainTensor,
} from "./helpers.js";

const config = JSON.stringify({ model_type: "llama" });
const first = floatsFile({ a: { shape: [2], values: [1, 2] } });
const second = floatsFile({ b: { shape: [1, 2], values: [3, 4] } });

const values = (...numbers: number[]): PlainTensor => ({ shape: [1, numbers.length], values: numbers });

const index = (map: Record<string, unknown>): string =>
  JSON.stringify({ metadata: { total_size: 16 }, weight_map: map });

const sharded = {
  "config.json": config,
  "model.safetensors.index.json": index({
    a: "model-00001-of-00002.safetensors",
    b: "model-00002-of-00002.safetensors",
  }),
  "model-00001-of-00002.safetensors": first,
  "model-00002-of-00002.safetensors": second,
};

describe("a model folder is opened", () => {
  it("with one file", async () => {
    const folder = await openModelFolder(golden("qwen2/model"));
    expect(folder.path).toBe(golden("qwen2/model"));
    expect(folder.config["model_type"]).toBe("qwen2");
    expect(folder.tensors.get("model.norm.weight")).toMatchObject({ file: "model.safetensors", dtype: "BF16" });
  });

  it("with shards and an index", async () => {
    const folder = await openModelFolder(writeFolder(temporaryFolder(), sharded));
    expect([...folder.tensors.keys()]).toEqual(["a", "b"]);
    expect([...(await readTensor(folder, folder.tensors.get("b")!))]).toEqual([3, 4]);
  });

  it("with tensors of its shards that the index does not list, as in transformers", async () => {
    const named = { ...sharded, "model.safetensors.index.json": index({ a: "model-00001-of-00002.safetensors" }) };
    const more = {
      ...named,
      "model-00001-of-00002.safetensors": floatsFile({ a: values(1), "lm_head.weight": values(2) }),
    };
    expect([...(await openModelFolder(writeFolder(temporaryFolder(), more))).tensors.keys()]).toEqual([
      "a",
      "lm_head.weight",
    ]);
  });
});

describe("an untied head is found in the files", () => {
  const embed = "model.embed_tokens.weight";
  const ownHead = async (tensors: Parameters<typeof floatsFile>[0], tie: unknown): Promise<boolean | undefined> => {
    const config = JSON.stringify(tie === undefined ? {} : { tie_word_embeddings: tie });
    const files = { "config.json": config, "model.safetensors": floatsFile(tensors) };
    return (await openModelFolder(writeFolder(temporaryFolder(), files))).ownHead;
  };

  it("by its values, to the last one", async () => {
    const long = Array.from({ length: 3_000_000 }, (_, i) => i % 1000);
    const shape = [3_000, 1_000];
    const embedding = { shape, values: long };
    expect(await ownHead({ [embed]: embedding }, true)).toBe(false);
    expect(await ownHead({ [embed]: embedding, "lm_head.weight": embedding }, true)).toBe(false);
    const other = { shape, values: [...long.slice(0, -1), 0.5] };
    expect(await ownHead({ [embed]: embedding, "lm_head.weight": other }, true)).toBe(true);
    expect(await ownHead({ [embed]: embedding, "lm_head.weight": other }, undefined)).toBe(true);
    expect(await ownHead({ [embed]: embedding, "lm_head.weight": { shape: [1, 3_000_000], values: long } }, true)).toBe(
      true,
    );
  });

  it("or if config.json says that it is not tied", async () => {
    const tensors = { [embed]: values(1), "lm_head.weight": values(1) };
    expect(await ownHead(tensors, false)).toBe(true);
    expect(await ownHead(tensors, true)).toBe(false);
  });

  it("and is equal across types if its values are", async () => {
    const one = { F32: Buffer.from(Float32Array.of(1).buffer), BF16: Buffer.from(Uint16Array.of(0x3f80).buffer) };
    const two = { F32: Buffer.from(Float32Array.of(2).buffer) };
    const folder = (head: Buffer): string => {
      const header = {
        [embed]: { dtype: "BF16", shape: [1, 1], data_offsets: [0, 2] },
        "lm_head.weight": { dtype: "F32", shape: [1, 1], data_offsets: [2, 6] },
      };
      const weights = safetensorsBytes(header, Buffer.concat([one.BF16, head]));
      return writeFolder(temporaryFolder(), { "config.json": "{}", "model.safetensors": weights });
    };
    expect((await openModelFolder(folder(one.F32))).ownHead).toBe(false);
    expect((await openModelFolder(folder(two.F32))).ownHead).toBe(true);
  });
});

describe("problems of a model folder are named", () => {
  const folderWith = (files: Record<string, string | Uint8Array>): string => writeFolder(temporaryFolder(), files);
  type Spoilt = [string, Record<string, string | Uint8Array>, RegExp];
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12345\n`;
  const float8 = safetensorsBytes({ a: { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } }, 4);
  const cases: Spoilt[] = [
    ["no config.json", { "model.safetensors": first }, /config\.json: no such file/],
    ["config.json that is no JSON", { "config.json": "{", "model.safetensors": first }, /config\.json: not JSON/],
    [
      "config.json that is no object",
      { "config.json": "3", "model.safetensors": first },
      /config\.json: expected a JSON object/,
    ],
    ["no weights", { "config.json": config }, /has neither model\.safetensors nor/],
    [
      "pickled weights only",
      { "config.json": config, "pytorch_model.bin": "x" },
      /has weights as pytorch_model\.bin only/,
    ],
    ["an index without a map", { ...sharded, "model.safetensors.index.json": "{}" }, /"weight_map" must map/],
    [
      "a missing shard",
      {
        ...sharded,
        "model.safetensors.index.json": index({ a: "model-00001-of-00002.safetensors", b: "other.safetensors" }),
      },
      /missing: other\.safetensors/,
    ],
    [
      "a tensor that its shard lacks",
      {
        ...sharded,
        "model.safetensors.index.json": index({
          a: "model-00001-of-00002.safetensors",
          c: "model-00002-of-00002.safetensors",
        }),
      },
      /model-00002-of-00002\.safetensors: tensor "c" is missing/,
    ],
    ["an empty config.json", { "config.json": "", "model.safetensors": first }, /config\.json: the file is empty/],
    ["an empty folder", {}, /: the folder is empty/],
    ["an adapter", { "adapter_config.json": "{}" }, /is a PEFT adapter/],
    ["a diffusers pipeline", { "model_index.json": "{}" }, /is a diffusers pipeline/],
    ["GGUF only", { "a.gguf": "x" }, /has only GGUF files, which are not supported: a\.gguf/],
    ["GGUF beside config.json", { "config.json": config, "a.gguf": "x" }, /has weights as a\.gguf only/],
    ["Meta's own format", { "params.json": "{}", "consolidated.00.pth": "x" }, /in Meta's own format/],
    ["TensorFlow's weights only", { "config.json": config, "tf_model.h5": "x" }, /has weights as tf_model\.h5 only/],
    [
      "a download that was cut",
      { "config.json": config, "model.safetensors.incomplete": "x" },
      /its download is incomplete/,
    ],
    [
      "shards without their index",
      { "config.json": config, "model-00001-of-00002.safetensors": first },
      /nor model\.safetensors\.index\.json, but model-00001-of-00002\.safetensors/,
    ],
    ["an empty weight file", { "config.json": config, "model.safetensors": "" }, /at least 8 bytes, found 0/],
    [
      "a pointer in config.json's place",
      { "config.json": pointer, "model.safetensors": first },
      /config\.json: is a Git LFS/,
    ],
    [
      "a pointer in the weights' place",
      { "config.json": config, "model.safetensors": pointer },
      /safetensors: is a Git LFS/,
    ],
    [
      "a pointer in the tokenizer's place",
      { "config.json": config, "model.safetensors": first, "tokenizer.json": pointer },
      /tokenizer\.json: is a Git LFS pointer/,
    ],
    [
      "a pointer in the index's place",
      { ...sharded, "model.safetensors.index.json": pointer },
      /index\.json: is a Git LFS/,
    ],
    ...["bitsandbytes", "gptq", "awq", "fp8", "compressed-tensors"].map((method): Spoilt => [
      `a model quantised with ${method}`,
      { "config.json": JSON.stringify({ quantization_config: { quant_method: method } }), "model.safetensors": float8 },
      new RegExp(`config\\.json: an already quantised model \\(quantization_config: ${method}\\)`),
    ]),
    [
      "a tensor that a later shard has as well",
      {
        ...sharded,
        "model-00002-of-00002.safetensors": floatsFile({ a: values(1), b: values(3, 4) }),
      },
      /00002\.safetensors: tensor "a" is in this file, but .* lists it in model-00001/,
    ],
    [
      "a truncated shard",
      { ...sharded, "model-00002-of-00002.safetensors": second.subarray(0, -2) },
      /00002\.safetensors: its header describes/,
    ],
  ];
  it.each(cases)("%s", async (_name, files, message) => {
    const trouble = await expectTrouble(openModelFolder(folderWith(files)), "model");
    expect(trouble.message).toMatch(message);
    expect(trouble.hint).toBeTruthy();
  });

  it.each(["../evil.safetensors", "/etc/passwd", "sub/shard.safetensors", "..", "C:\\x.safetensors", "a\\b"])(
    "an index that points outside its folder by %s",
    async (file) => {
      const folder = folderWith({ ...sharded, "model.safetensors.index.json": index({ a: file }) });
      expect((await expectTrouble(openModelFolder(folder), "model")).message).toContain("a path outside its folder");
    },
  );

  it("a model in a subfolder, as in the Hugging Face cache", async () => {
    const repository = join(temporaryFolder(), "models--a--b");
    const snapshot = writeFolder(join(repository, "snapshots", "abc"), { "config.json": config });
    expect((await expectTrouble(openModelFolder(repository), "model")).hint).toBe(`Did you mean ${snapshot}?`);
    const parent = temporaryFolder();
    const inside = writeFolder(join(parent, "model"), { "config.json": config });
    expect((await expectTrouble(openModelFolder(parent), "model")).hint).toBe(`Did you mean ${inside}?`);
  });

  it("an adapter's base model", async () => {
    const adapter = folderWith({ "adapter_config.json": JSON.stringify({ base_model_name_or_path: "org/base" }) });
    expect((await expectTrouble(openModelFolder(adapter), "model")).hint).toContain("base model (org/base)");
  });

  it("a folder that is missing, or is a file", async () => {
    const folder = temporaryFolder();
    expect((await expectTrouble(openModelFolder(join(folder, "none")), "model")).message).toContain("no such file");
    writeFileSync(join(folder, "file"), "");
    expect((await expectTrouble(openModelFolder(join(folder, "file")), "model")).message).toContain(
      "is a file, but a model is a folder",
    );
  });
});

describe("a snapshot of Hugging Face's cache, made of symbolic links, can be memory-mapped", () => {
  it("is mirrored without links, once, and again when a file changes", async () => {
    const root = temporaryFolder();
    const cacheDir = join(root, "cache");
    const blobs = writeFolder(join(root, "blobs"), { weights: first, config });
    const snapshot = join(root, "snapshots", "abc");
    mkdirSync(snapshot, { recursive: true });
    symlinkSync("../../blobs/weights", join(snapshot, "model.safetensors"));
    symlinkSync("../../blobs/config", join(snapshot, "config.json"));

    const folder = await openModelFolder(snapshot, { cacheDir });
    expect(folder.path).not.toBe(snapshot);
    expect(realpathSync(folder.path)).toBe(folder.path);
    for (const name of ["model.safetensors", "config.json"]) {
      expect(lstatSync(join(folder.path, name)).isFile()).toBe(true);
    }
    expect(readFileSync(join(folder.path, "model.safetensors"))).toEqual(first);
    expect(lstatSync(join(folder.path, "model.safetensors")).ino).toBe(lstatSync(join(blobs, "weights")).ino);
    expect((await openModelFolder(snapshot, { cacheDir })).path).toBe(folder.path);

    writeFileSync(join(blobs, "next"), floatsFile({ a: { shape: [2], values: [5, 6] } }));
    const later = join(root, "snapshots", "def");
    mkdirSync(later);
    symlinkSync("../../blobs/next", join(later, "model.safetensors"));
    symlinkSync("../../blobs/config", join(later, "config.json"));
    const other = await openModelFolder(later, { cacheDir });
    expect(other.path).not.toBe(folder.path);
    expect([...(await readTensor(other, other.tensors.get("a")!))]).toEqual([5, 6]);
  });

  // Another file system than the temporary files', where there is one: links cannot be hard there.
  const elsewhere = "/dev/shm";
  const isElsewhere = existsSync(elsewhere) && statSync(elsewhere).dev !== statSync(tmpdir()).dev;
  it.runIf(isElsewhere)("is copied again when a file is rewritten in place with the same size and time", async () => {
    const root = temporaryFolder();
    const cacheDir = mkdtempSync(join(elsewhere, "coxswain-links-"));
    onTestFinished(() => rmSync(cacheDir, { recursive: true }));
    writeFolder(join(root, "blobs"), { weights: first, config });
    const snapshot = join(root, "snapshot");
    mkdirSync(snapshot);
    symlinkSync("../blobs/weights", join(snapshot, "model.safetensors"));
    symlinkSync("../blobs/config", join(snapshot, "config.json"));
    const folder = await openModelFolder(snapshot, { cacheDir });
    expect((await openModelFolder(snapshot, { cacheDir })).path).toBe(folder.path);
    const weights = join(root, "blobs", "weights");
    const { atime, mtime } = statSync(weights);
    writeFileSync(weights, floatsFile({ a: { shape: [2], values: [5, 6] } }));
    utimesSync(weights, atime, mtime);
    const later = await openModelFolder(snapshot, { cacheDir });
    expect([...(await readTensor(later, later.tensors.get("a")!))]).toEqual([5, 6]);
  });
});
