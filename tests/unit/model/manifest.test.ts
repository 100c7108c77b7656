import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  cachedModel,
  modelCacheFolder,
  modelManifest,
  openModelFolder,
  receiveModel,
  type ModelManifest,
} from "../../../src/model/index.js";
import { fileIdentity } from "../../../src/storage/file-identity.js";
import { contentHash } from "../../../src/model/manifest.js";
import { expectTrouble, fullDisk, floatsFile, golden, temporaryFolder, writeFolder } from "./helpers.js";

const files = {
  "config.json": '{"model_type": "llama"}',
  "model.safetensors": floatsFile({ a: { shape: [2], values: [1, 2] } }),
  "tokenizer.json": "{}",
  "chat_template.jinja": "{{ messages }}",
  "README.md": "# A model",
  "training.log": "secret",
};
const modelWith = (patch: Record<string, string | Uint8Array> = {}): string =>
  writeFolder(temporaryFolder(), { ...files, ...patch });
const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** Only the hashes of files that have settled are remembered. */
const later = (): number => Date.now() + 10_000;

/** Makes a folder's files an hour old. */
function settle(folder: string): void {
  for (const name of readdirSync(folder))
    utimesSync(join(folder, name), new Date(Date.now() - 3.6e6), new Date(Date.now() - 3.6e6));
}

describe("a model is identified by its content", () => {
  it("lists the files that a copy needs, with sizes and SHA-256", async () => {
    const { files: listed } = await modelManifest(modelWith(), { cacheDir: temporaryFolder() });
    expect(listed.map(({ name }) => name)).toEqual([
      "chat_template.jinja",
      "config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    expect(listed[1]).toEqual({ name: "config.json", bytes: 23, sha256: sha256(files["config.json"]) });
  });

  it("has a hash that depends only on weights and configuration", async () => {
    const hash = async (patch: Record<string, string | Uint8Array> = {}): Promise<string> =>
      (await modelManifest(modelWith(patch), { cacheDir: temporaryFolder() })).hash;
    const base = await hash();
    expect(await hash()).toBe(base);
    expect(await hash({ "tokenizer.json": "[]", "README.md": "" })).toBe(base);
    expect(await hash({ "config.json": '{"model_type": "llama" }' })).not.toBe(base);
    expect(await hash({ "model.safetensors": floatsFile({ a: { shape: [2], values: [1, 3] } }) })).not.toBe(base);
    const listing = JSON.stringify([
      ["config.json", 23, sha256(files["config.json"])],
      ["model.safetensors", files["model.safetensors"].length, sha256(files["model.safetensors"])],
    ]);
    expect(base).toBe(sha256(listing));
  });

  it("is hashed once: later starts only check file metadata", async () => {
    const folder = modelWith();
    const cacheDir = temporaryFolder();
    const first = await modelManifest(folder, { cacheDir, now: later });
    expect(readdirSync(join(cacheDir, "hashes"))).toHaveLength(4);
    // What is remembered must be seen to be used.
    for (const name of readdirSync(join(cacheDir, "hashes"))) {
      writeFileSync(join(cacheDir, "hashes", name), "0".repeat(64));
    }
    const again = await modelManifest(folder, { cacheDir, now: later });
    expect(again.files.map(({ sha256 }) => sha256)).toEqual(first.files.map(() => "0".repeat(64)));
    appendFileSync(join(folder, "tokenizer.json"), " ");
    expect((await modelManifest(folder, { cacheDir, now: later })).files.at(-1)?.sha256).toBe(sha256("{} "));
  });

  it("changes when weights are rewritten in place with the same size and modification time", async () => {
    const folder = modelWith();
    settle(folder);
    const cacheDir = temporaryFolder();
    const first = await modelManifest(folder, { cacheDir, now: later });
    const path = join(folder, "model.safetensors");
    const { atime, mtime, size, ino } = statSync(path);
    const rewritten = floatsFile({ a: { shape: [2], values: [1, 3] } });
    writeFileSync(path, rewritten);
    utimesSync(path, atime, mtime);
    expect(statSync(path)).toMatchObject({ size, ino, mtime });
    const second = await modelManifest(folder, { cacheDir, now: later });
    expect(second.hash).not.toBe(first.hash);
    expect(second.files.find(({ name }) => name === "model.safetensors")?.sha256).toBe(sha256(rewritten));
  });

  it("is compared by its bytes on file systems without change times", async () => {
    const path = join(modelWith(), "model.safetensors");
    const before = await fileIdentity(path);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    const times = statSync(path);
    writeFileSync(path, bytes);
    utimesSync(path, times.atime, times.mtime);
    const [sampled, earlier] = [await fileIdentity(path), before].map((text) => (JSON.parse(text) as string[]).at(-1));
    expect(sampled).not.toBe(earlier);
  });

  it("does not cache the hash of a file that is still being written", async () => {
    const cacheDir = temporaryFolder();
    await modelManifest(modelWith(), { cacheDir });
    expect(existsSync(join(cacheDir, "hashes"))).toBe(false);
  });
});

describe("a worker without the model receives it", () => {
  const setUp = async (): Promise<{ source: string; manifest: ModelManifest; cacheDir: string }> => {
    const source = golden("qwen2/model");
    return {
      source,
      manifest: await modelManifest(source, { cacheDir: temporaryFolder() }),
      cacheDir: temporaryFolder(),
    };
  };
  async function* pieces(path: string, size = 10_000): AsyncGenerator<Uint8Array> {
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
  }

  it("completely, and finds it in the cache afterwards", async () => {
    const { source, manifest, cacheDir } = await setUp();
    expect(await cachedModel(manifest.hash, { cacheDir })).toBeUndefined();
    const asked: string[] = [];
    const open = (name: string): AsyncIterable<Uint8Array> => {
      asked.push(name);
      return pieces(join(source, name));
    };
    const folder = await receiveModel(manifest, open, { cacheDir });
    expect(folder).toBe(modelCacheFolder(manifest.hash, cacheDir));
    expect(asked).toEqual(manifest.files.map(({ name }) => name));
    expect((await modelManifest(folder, { cacheDir })).hash).toBe(manifest.hash);
    expect((await openModelFolder(folder)).tensors.size).toBeGreaterThan(10);
    expect(await cachedModel(manifest.hash, { cacheDir })).toBe(folder);
    await receiveModel(manifest, () => expect.fail("asked again"), { cacheDir });
  });

  it("also when two processes receive it concurrently", async () => {
    const { source, manifest, cacheDir } = await setUp();
    const receive = (size: number): Promise<string> =>
      receiveModel(manifest, (name) => pieces(join(source, name), size), { cacheDir });
    const folders = await Promise.all([receive(5_000), receive(50_000), receive(700)]);
    expect(new Set(folders).size).toBe(1);
    expect(readdirSync(join(folders[0], ".."))).toEqual([manifest.hash]);
    expect(await cachedModel(manifest.hash, { cacheDir })).toBe(folders[0]);
  });

  it("not if it does not fit on the disk: no byte is asked for, and nothing is left behind", async () => {
    const { manifest, cacheDir } = await setUp();
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    const freeSpace = (): Promise<number> => Promise.resolve(bytes + 256 * 1024 * 1024 - 1);
    const receiving = receiveModel(manifest, () => expect.fail("asked for"), { cacheDir, freeSpace });
    expect((await expectTrouble(receiving, "storage")).message).toContain(`has room for ${bytes - 1}`);
    expect(readdirSync(join(modelCacheFolder(manifest.hash, cacheDir), ".."))).toEqual([]);
    const vast = { ...manifest, files: manifest.files.map((file) => ({ ...file, bytes: 2 ** 50 })) };
    await expectTrouble(
      receiveModel(vast, () => expect.fail("asked for"), { cacheDir }),
      "network",
    );
  });

  it("again if the cached copy is damaged", async () => {
    const { source, manifest, cacheDir } = await setUp();
    const receive = (): Promise<string> => receiveModel(manifest, (name) => pieces(join(source, name)), { cacheDir });
    const folder = await receive();
    writeFileSync(join(folder, "config.json"), "{}");
    expect(await cachedModel(manifest.hash, { cacheDir })).toBeUndefined();
    expect(await receive()).toBe(folder);
    expect(await cachedModel(manifest.hash, { cacheDir })).toBe(folder);
  });

  it("or not at all: damaged, truncated or overlong content and a broken connection leave nothing behind", async () => {
    const { source, manifest, cacheDir } = await setUp();
    const parent = join(modelCacheFolder(manifest.hash, cacheDir), "..");
    const receive = (change: (bytes: Buffer) => Uint8Array): Promise<unknown> => {
      // eslint-disable-next-line @typescript-eslint/require-await
      async function* content(name: string): AsyncGenerator<Uint8Array> {
        const bytes = readFileSync(join(source, name));
        yield name === "model.safetensors" ? change(bytes) : bytes;
      }
      return receiveModel(manifest, content, { cacheDir });
    };
    const flip = (bytes: Buffer): Buffer => {
      bytes[5000]! ^= 1;
      return bytes;
    };
    expect((await expectTrouble(receive(flip), "network")).message).toMatch(
      /model\.safetensors arrived damaged: .*SHA-256/,
    );
    expect(
      (
        await expectTrouble(
          receive((bytes) => bytes.subarray(1)),
          "network",
        )
      ).message,
    ).toMatch(/expected \d+ bytes, received \d+/);
    expect(
      (
        await expectTrouble(
          receive((bytes) => Buffer.concat([bytes, bytes])),
          "network",
        )
      ).message,
    ).toContain("received more");
    const broken = (): never => {
      throw Object.assign(new Error("14 UNAVAILABLE"), { code: 14 });
    };
    await expect(receive(broken)).rejects.toThrow("14 UNAVAILABLE");
    expect(readdirSync(parent)).toEqual([]);
  });

  it("a full disk is reported, and partial files are removed", async () => {
    const { source, manifest, cacheDir } = await setUp();
    await fullDisk();
    const trouble = await expectTrouble(
      receiveModel(manifest, (name) => pieces(join(source, name)), { cacheDir }),
      "storage",
    );
    expect(trouble.message).toContain("no space left on the disk");
    expect(readdirSync(join(modelCacheFolder(manifest.hash, cacheDir), ".."))).toEqual([]);
  });
});

describe("a manifest from an untrusted coordinator cannot write outside the cache", () => {
  const good = { name: "config.json", bytes: 1, sha256: "0".repeat(64) };
  const manifestOf = (...more: { name: string; bytes: number; sha256: string }[]): ModelManifest => {
    const listed = [good, ...more];
    return { hash: contentHash(listed), files: listed };
  };
  const refusal = async (manifest: ModelManifest): Promise<string> =>
    (
      await expectTrouble(
        receiveModel(manifest, () => expect.fail("asked"), { cacheDir: temporaryFolder() }),
        "network",
      )
    ).message;

  it.each([
    "../config.json",
    "/etc/passwd",
    "a/b.safetensors",
    "..",
    ".",
    "",
    "C:\\model.safetensors",
    "a\0.safetensors",
    "..\\x.safetensors",
  ])("name %j", async (name) => {
    expect(await refusal(manifestOf({ ...good, name }))).toContain("a path outside its folder");
  });

  it("with foreign or duplicate names, absurd sizes and hashes, or another hash", async () => {
    expect(await refusal(manifestOf({ ...good, name: "run.sh" }))).toContain('"run.sh" is not a model file');
    expect(await refusal(manifestOf(good))).toContain("listed twice");
    expect(await refusal(manifestOf({ ...good, name: "model.safetensors", bytes: -1 }))).toContain("has -1 bytes");
    expect(await refusal(manifestOf({ ...good, name: "model.safetensors", sha256: "../" }))).toContain("no SHA-256");
    expect(await refusal({ ...manifestOf(), hash: "0".repeat(64) })).toContain("its hash does not match its files");
    expect(await refusal({ hash: contentHash([]), files: [] })).toContain("lists no config.json");
    expect(() => modelCacheFolder("../../x", "/cache")).toThrow("not a content hash");
  });
});
