/** The cache of NF4 models: made once, whole or not there, the same bytes for everyone. */
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import {
  floatTensor,
  nf4Model,
  openModelFolder,
  readBytes,
  readTensor,
  writeSafetensors,
  type Nf4Model,
} from "../../../../src/model/index.js";
import { goldenFolder } from "../../../support/runs.js";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nf4-"));
  folders.push(folder);
  return folder;
}

const selection = {
  quantized: ["model.layers.0.mlp.up_proj.weight", "model.layers.1.self_attn.q_proj.weight"],
  kept: ["model.norm.weight", "model.embed_tokens.weight"],
};

async function make(cacheDir: string): Promise<Nf4Model> {
  return nf4Model(await openModelFolder(join(goldenFolder, "qwen3-nf4", "model")), selection, { cacheDir });
}

async function hashes(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    found[name] = createHash("sha256")
      .update(await readFile(join(folder, name)))
      .digest("hex");
  }
  return found;
}

it("is created once, with unquantised tensors unchanged", async () => {
  const cacheDir = await temporary();
  const { folder, weights } = await make(cacheDir);
  expect([...weights.keys()]).toEqual(selection.quantized);
  expect([...folder.tensors.keys()]).toEqual(selection.kept);
  const original = await openModelFolder(join(goldenFolder, "qwen3-nf4", "model"));
  for (const name of selection.kept) {
    const location = folder.tensors.get(name)!;
    expect(location.dtype).toBe("BF16");
    expect(await readTensor(folder, location)).toEqual(await readTensor(original, original.tensors.get(name)!));
  }
  const before = await stat(join(folder.path, "codes.safetensors"));
  expect((await make(cacheDir)).folder.path).toBe(folder.path);
  expect((await stat(join(folder.path, "codes.safetensors"))).ino).toBe(before.ino);
});

it.each(["codes.safetensors", "absmax.safetensors", "rest.safetensors"])(
  "a truncated or damaged %s is detected, and created again with the same bytes",
  async (name) => {
    const cacheDir = await temporary();
    const { folder } = await make(cacheDir);
    const whole = await hashes(folder.path);
    const path = join(folder.path, name);
    const { size } = await stat(path);
    await truncate(path, size - 3);
    await make(cacheDir);
    expect(await hashes(folder.path)).toEqual(whole);
    const file = await open(path, "r+");
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    await file.write(Buffer.of(buffer[0]! ^ 1), 0, 1, size - 1);
    await file.close();
    await make(cacheDir);
    expect(await hashes(folder.path)).toEqual(whole);
    await rm(path);
    await make(cacheDir);
    expect(await hashes(folder.path)).toEqual(whole);
  },
);

it("weights rewritten in place with the same size and time are quantised again", async () => {
  const path = join(await temporary(), "model");
  await mkdir(path);
  await copyFile(join(goldenFolder, "llama", "model", "config.json"), join(path, "config.json"));
  const file = join(path, "model.safetensors");
  const cacheDir = await temporary();
  const codesOf = async (value: number): Promise<Uint8Array> => {
    await writeSafetensors(file, [
      floatTensor("some.weight", [10, 20], new Float32Array(200).fill(value).fill(1, 0, 9)),
    ]);
    await utimes(file, 1_700_000_000, 1_700_000_000);
    const settled = { cacheDir, now: () => Date.now() + 10_000 };
    const { folder, weights } = await nf4Model(
      await openModelFolder(path),
      { quantized: ["some.weight"], kept: [] },
      settled,
    );
    return readBytes(folder, weights.get("some.weight")!.codes);
  };
  const first = await codesOf(0.5);
  const { size, mtimeMs } = await stat(file);
  expect(await codesOf(-0.5)).not.toEqual(first);
  expect(await stat(file)).toMatchObject({ size, mtimeMs });
  expect(await codesOf(0.5)).toEqual(first);
});

it("concurrent processes create one, and leave nothing else behind", async () => {
  const cacheDir = await temporary();
  const made = await Promise.all([make(cacheDir), make(cacheDir), make(cacheDir)]);
  const [path] = made.map(({ folder }) => folder.path);
  expect(new Set(made.map(({ folder }) => folder.path))).toEqual(new Set([path]));
  expect(await readdir(join(path!, ".."))).toHaveLength(1);
  const elsewhere = await make(await temporary());
  expect(await hashes(path!)).toEqual(await hashes(elsewhere.folder.path));
});

it.each([Number.NaN, Number.POSITIVE_INFINITY])("a weight that is %s is rejected by name", async (value) => {
  const path = join(await temporary(), "model");
  await mkdir(path);
  await copyFile(join(goldenFolder, "llama", "model", "config.json"), join(path, "config.json"));
  const values = new Float32Array(200).fill(0.5);
  values[130] = value;
  await writeSafetensors(join(path, "model.safetensors"), [floatTensor("some.weight", [10, 20], values)]);
  const refused = nf4Model(
    await openModelFolder(path),
    { quantized: ["some.weight"], kept: [] },
    { cacheDir: await temporary() },
  );
  await expect(refused).rejects.toMatchObject({ code: "model" });
  await expect(refused).rejects.toThrow("some.weight");
});
