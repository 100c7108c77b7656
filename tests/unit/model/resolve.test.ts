import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { openModelFolder, resolveModel } from "../../../src/model/index.js";
import { expectTrouble, floatsFile, temporaryFolder, writeFolder } from "./helpers.js";
import { startHub, type HubServerOptions } from "../../support/hub/server.js";

afterEach(() => vi.unstubAllEnvs());

const id = "some-owner/Some.Model-1";
const commit = "0123456789abcdef0123456789abcdef01234567";
const weights = floatsFile({ a: { shape: [200_000], values: Array.from({ length: 200_000 }, (_, index) => index) } });
const config = '{"model_type": "llama"}';
const files = {
  "config.json": config,
  "model.safetensors": weights,
  "tokenizer.json": "{}",
  "tokenizer_config.json": "{}",
  "chat_template.jinja": "{{ messages }}",
  "generation_config.json": "{}",
  "README.md": "# not needed",
  "pytorch_model.bin": "not needed",
  "model.gguf": "not needed",
};
const needed = Object.keys(files).filter((name) => !/README|bin$|gguf$/.test(name));

/** A hub, empty caches, and no waiting. */
async function setUp(patch: Partial<HubServerOptions> = {}) {
  const hub = await startHub({ id, commit, files, ...patch });
  const cacheDir = temporaryFolder();
  const environment = { HF_ENDPOINT: `${hub.url}/`, HF_HOME: temporaryFolder() };
  const waits: number[] = [];
  const wait = (milliseconds: number): Promise<void> => {
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { hub, cacheDir, environment, waits, options: { cacheDir, environment, wait } };
}

describe("a folder is used where it is", () => {
  it("absolute, or relative to the working folder", async () => {
    const folder = temporaryFolder();
    expect(await resolveModel(folder)).toBe(folder);
    expect(await resolveModel(relative(process.cwd(), folder))).toBe(folder);
  });

  it.each(["/no/such/folder", "./no-such", "no-such", "a/b/c", "a/../b", "owner/name@", "-a/b"])(
    "%s is neither a folder nor a hub id",
    async (model) => {
      const trouble = await expectTrouble(resolveModel(model), "model");
      expect(trouble.message).toBe(`${model}: no such folder, and not a hub id`);
    },
  );
});

describe("a path that is not a folder is not looked up on the hub", () => {
  const never = { fetch: (): never => expect.unreachable("the hub was asked"), environment: {} };

  it("reports a file, a dangling link and a loop of links", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    writeFileSync(join(folder, "model.gguf"), "");
    symlinkSync("nowhere", join(folder, "dangling"));
    symlinkSync("circle", join(folder, "circle"));
    const message = async (name: string): Promise<string> =>
      (await expectTrouble(resolveModel(join(folder, name), never), "model")).message;
    expect(await message("file")).toBe(`${join(folder, "file")}: is a file, but a model is a folder`);
    expect(await message("model.gguf")).toContain("is a GGUF file");
    expect(await message("dangling")).toContain("is a symbolic link to nowhere, which does not exist");
    expect(await message("circle")).toContain("its symbolic links form a loop");
    expect(await message("file/sub")).toContain("no such folder");
  });

  it("handles a trailing slash and ~", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "model"));
    expect(await resolveModel(`${join(folder, "model")}/`, never)).toBe(join(folder, "model"));
    vi.stubEnv("HOME", folder);
    expect(await resolveModel("~/model", never)).toBe(join(folder, "model"));
    expect(await resolveModel("~/model/", never)).toBe(join(folder, "model"));
    expect(await resolveModel("~", never)).toBe(folder);
  });

  it("suggests a folder with a similar name: misspelt, in another case, or truncated", async () => {
    const parent = temporaryFolder();
    mkdirSync(join(parent, "SmolLM2-135M-Instruct"));
    for (const name of ["SmolLM2-135M-Instrcut", "smollm2_135m_instruct", "SmolLM2-135M"]) {
      const { hint } = await expectTrouble(resolveModel(join(parent, name), never), "model");
      expect(hint).toContain(`Did you mean ${join(parent, "SmolLM2-135M-Instruct")}?`);
    }
    const { hint } = await expectTrouble(resolveModel(join(parent, "qwen"), never), "model");
    expect(hint).not.toContain("Did you mean");
  });

  it("also for a possible hub id that the hub does not have", async () => {
    const { options } = await setUp();
    const parent = temporaryFolder();
    mkdirSync(join(parent, "models", "small-model"), { recursive: true });
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(parent);
    const offline = { ...options, environment: { ...options.environment, HF_HUB_OFFLINE: "1" } };
    expect((await expectTrouble(resolveModel("models/small_modl", offline), "model")).hint).toContain(
      "Did you mean the folder models/small-model?",
    );
  });
});

describe("a hub id is fetched once", () => {
  it("with exactly the needed files, unchanged", async () => {
    const { hub, options } = await setUp();
    const progress: string[] = [];
    const folder = await resolveModel(id, { ...options, onProgress: (text) => progress.push(text) });
    expect(readdirSync(folder).sort()).toEqual([...needed].sort());
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
    expect((await openModelFolder(folder)).tensors.get("a")?.shape).toEqual([200_000]);
    expect(progress[0]).toMatch(/^looking up some-owner\/Some\.Model-1 on 127\.0\.0\.1/);
    expect(progress.at(-1)).toBe(`downloading ${id}: 100 % of 0.8 MB`);

    const before = hub.requests.length;
    expect(await resolveModel(id, options)).toBe(folder);
    expect(await resolveModel(`${id}@${commit}`, options)).toBe(folder);
    expect(hub.requests.length).toBe(before);
  });

  it("sharded: the shards of the index only", async () => {
    const sharded = {
      "config.json": config,
      "model.safetensors.index.json": JSON.stringify({
        weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
      }),
      "model-00001-of-00002.safetensors": floatsFile({ a: { shape: [1], values: [1] } }),
      "model-00002-of-00002.safetensors": floatsFile({ b: { shape: [1], values: [2] } }),
      "consolidated.safetensors": "not needed",
    };
    const { options } = await setUp({ files: sharded });
    const folder = await resolveModel(id, options);
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(sharded)
        .filter((name) => name !== "consolidated.safetensors")
        .sort(),
    );
    expect([...(await openModelFolder(folder)).tensors.keys()]).toEqual(["a", "b"]);
  });

  it("resuming after a broken connection", async () => {
    const { hub, options, waits } = await setUp({ breakAfter: 300_000 });
    const folder = await resolveModel(id, options);
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
    const path = `GET /${id}/resolve/${commit}/model.safetensors bytes=`;
    const resumed = hub.requests.filter((request) => request.startsWith(path) && !request.endsWith("bytes=0-0"));
    expect(resumed).toHaveLength(1);
    expect(Number(/bytes=(\d+)-/.exec(resumed[0]!)![1])).toBeGreaterThan(0);
    expect(waits).toEqual([1000]);
  });

  it("keeping the files that were complete when it stopped", async () => {
    const first = await setUp({ corrupt: { "tokenizer_config.json": Buffer.from("[]") } });
    await expectTrouble(resolveModel(id, first.options), "network");
    const second = await startHub({ id, commit, files });
    await resolveModel(id, { ...first.options, hubUrl: second.url });
    expect(second.requests.some((request) => request.includes("/resolve/") && request.includes("/config.json"))).toBe(
      false,
    );
    expect(second.requests.some((request) => request.includes("tokenizer_config.json"))).toBe(true);
  });

  it("by several processes concurrently, each with the same complete folder", async () => {
    const { options, cacheDir } = await setUp();
    const folders = await Promise.all([1, 2, 3].map(() => resolveModel(id, options)));
    expect(new Set(folders).size).toBe(1);
    expect(readdirSync(folders[0]!).sort()).toEqual([...needed].sort());
    expect(readdirSync(join(cacheDir, "models", "hub", "some-owner--Some.Model-1", "parts"))).toEqual([]);
  });

  it("with the token of HF_TOKEN", async () => {
    const { hub, options, environment } = await setUp();
    await resolveModel(id, { ...options, environment: { ...environment, HF_TOKEN: "hf_secret" } });
    expect([...hub.authorizations]).toEqual(["Bearer hf_secret"]);
  });
});

describe("the cache of Hugging Face's libraries is used", () => {
  const snapshotIn = (home: string, names: readonly string[]): string => {
    const repository = join(home, "hub", "models--some-owner--Some.Model-1");
    const snapshot = join(repository, "snapshots", commit);
    mkdirSync(snapshot, { recursive: true });
    writeFolder(join(repository, "refs"), { main: commit });
    writeFolder(join(repository, "blobs"), { x: weights, y: config });
    for (const name of names) symlinkSync(`../../blobs/${name === "config.json" ? "y" : "x"}`, join(snapshot, name));
    return snapshot;
  };

  it("without asking the hub, also offline", async () => {
    const { hub, options, environment } = await setUp();
    const snapshot = snapshotIn(environment.HF_HOME, ["config.json", "model.safetensors"]);
    expect(await resolveModel(id, { ...options, environment: { ...environment, HF_HUB_OFFLINE: "1" } })).toBe(snapshot);
    expect(hub.requests).toEqual([]);
  });

  it("but not if it has only part of the model", async () => {
    const { options, environment } = await setUp();
    const snapshot = snapshotIn(environment.HF_HOME, ["config.json"]);
    expect(await resolveModel(id, options)).not.toBe(snapshot);
  });
});

describe("a model that cannot be fetched: host, reason and what to do", () => {
  it("offline", async () => {
    const { options, environment } = await setUp();
    const trouble = await expectTrouble(
      resolveModel(id, { ...options, environment: { ...environment, HF_HUB_OFFLINE: "1" } }),
      "model",
    );
    expect(trouble.message).toContain("HF_HUB_OFFLINE is set");
  });

  it("a hub that cannot be reached", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
    });
    await new Promise((resolve) => server.close(resolve));
    const trouble = await expectTrouble(
      resolveModel(id, {
        cacheDir: temporaryFolder(),
        environment: { HF_HOME: temporaryFolder() },
        hubUrl: `http://127.0.0.1:${port}`,
      }),
      "network",
    );
    expect(trouble.message).toBe(`cannot fetch ${id} from 127.0.0.1:${port}: ECONNREFUSED`);
    expect(trouble.hint).toMatch(/by hand/);
  });

  it.each([
    [401, "model", /has no model .*, or does not show it \(401\)/, /set HF_TOKEN/],
    [403, "model", /does not show it \(403\)/, /gated/],
    [404, "model", /has no model .* \(404\)/, /Check the name/],
    [500, "network", /answered 500/, /Try again later/],
  ] as const)("status %d", async (status, code, message, hint) => {
    const { options, hub } = await setUp({ status });
    const trouble = await expectTrouble(resolveModel(id, options), code);
    expect(trouble.message).toMatch(message);
    expect(trouble.message).toContain(new URL(hub.url).host);
    expect(trouble.hint).toMatch(hint);
  });

  it("a revision that does not exist", async () => {
    const { options } = await setUp();
    expect((await expectTrouble(resolveModel(`${id}@v9`, options), "model")).message).toContain(
      `${id} has no revision v9 on 127.0.0.1`,
    );
  });

  it("a model without safetensors", async () => {
    const { options } = await setUp({ files: { "config.json": config, "pytorch_model.bin": "x" } });
    expect((await expectTrouble(resolveModel(id, options), "model")).message).toContain(
      "has neither model.safetensors nor",
    );
  });

  it("content that differs from the announced hash, of large and of small files", async () => {
    for (const name of ["model.safetensors", "tokenizer.json"] as const) {
      const corrupt = { [name]: Buffer.from(files[name]).fill(1) };
      const { options, cacheDir } = await setUp({ corrupt });
      const trouble = await expectTrouble(resolveModel(id, options), "network");
      expect(trouble.message).toContain(`${name} of ${id} arrived damaged from 127.0.0.1`);
      expect(existsSync(join(cacheDir, "models", "hub", "some-owner--Some.Model-1", "refs"))).toBe(false);
    }
  });

  it("an invalid token or URL", async () => {
    const { options, environment } = await setUp();
    const withToken = { ...options, environment: { ...environment, HF_TOKEN: "secret" } };
    const trouble = await expectTrouble(resolveModel(id, withToken), "config");
    expect(trouble.message).toContain("HF_TOKEN is not a Hugging Face token");
    expect(trouble.message).not.toContain("secret");
    const withUrl = { ...options, environment: { ...environment, HF_ENDPOINT: "hub" } };
    expect((await expectTrouble(resolveModel(id, withUrl), "config")).message).toContain('HF_ENDPOINT is "hub"');
  });

  it("a file in place of the cache", async () => {
    const { options } = await setUp();
    const cacheDir = join(temporaryFolder(), "cache");
    writeFileSync(cacheDir, "");
    expect((await expectTrouble(resolveModel(id, { ...options, cacheDir }), "storage")).message).toContain(
      "is not a folder",
    );
  });
});
