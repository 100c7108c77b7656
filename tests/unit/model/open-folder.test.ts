import { mkdirSync, readFileSync, symlinkSync, writeFileSync, lstatSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openModelFolder, readTensor } from "../../../src/model/index.js";
import { expectTrouble, floatsFile, golden, temporaryFolder, writeFolder } from "./helpers.js";

const config = JSON.stringify({ model_type: "llama" });
const first = floatsFile({ a: { shape: [2], values: [1, 2] } });
const second = floatsFile({ b: { shape: [1, 2], values: [3, 4] } });

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
});

describe("what is wrong with a model folder is named", () => {
  const folderWith = (files: Record<string, string | Uint8Array>): string => writeFolder(temporaryFolder(), files);
  const cases: [string, Record<string, string | Uint8Array>, RegExp][] = [
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
    [
      "a truncated shard",
      { ...sharded, "model-00002-of-00002.safetensors": second.subarray(0, -2) },
      /00002\.safetensors: its header describes/,
    ],
  ];
  it.each(cases)("%s", async (_name, files, message) => {
    expect((await expectTrouble(openModelFolder(folderWith(files)), "model")).message).toMatch(message);
  });

  it.each(["../evil.safetensors", "/etc/passwd", "sub/shard.safetensors", "..", "C:\\x.safetensors", "a\\b"])(
    "an index that leaves its folder by %s",
    async (file) => {
      const folder = folderWith({ ...sharded, "model.safetensors.index.json": index({ a: file }) });
      expect((await expectTrouble(openModelFolder(folder), "model")).message).toContain(
        "a path that leaves its folder",
      );
    },
  );

  it("a folder that is not there, or is a file", async () => {
    const folder = temporaryFolder();
    expect((await expectTrouble(openModelFolder(join(folder, "none")), "model")).message).toContain("no such file");
    writeFileSync(join(folder, "file"), "");
    expect((await expectTrouble(openModelFolder(join(folder, "file")), "model")).message).toContain("this is a file");
  });
});

describe("a snapshot of Hugging Face's cache, made of symbolic links, can be memory-mapped", () => {
  it("is mirrored without links, once, and anew when a file changes", async () => {
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
});
