/** What somebody on the network can send to a worker's own server: it serves the honest ones as before. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, status } from "@grpc/grpc-js";
import type { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { modelCacheFolder, receiveModel } from "../../../src/model/index.js";
import { contentHash } from "../../../src/model/manifest.js";
import type { ModelFile } from "../../../src/model/index.js";
import type { WorkerStub } from "../../../src/rpc/index.js";
import { WorkerClient, bulkChannelOptions, receiveVector, withToken } from "../../../src/rpc/index.js";
import { startDataServer } from "../../../src/worker/data-server.js";
import type { DataServer } from "../../../src/worker/data-server.js";
import {
  frame,
  healthCheck,
  http2Session,
  memoryInUse,
  rawCall,
  refusal,
  sendRaw,
  statusOf,
} from "../../support/hostile.js";

const size = 1 << 20;
const vector = Float32Array.from({ length: size }, (_, index) => index);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(): Promise<{ server: DataServer; client: WorkerStub; metadata: Metadata; copies: () => number }> {
  const server = await startDataServer({ host: "127.0.0.1", port: 0 });
  let copies = 0;
  server.serve({
    runId: "run",
    dtype: "float32",
    contribution: () => vector,
    slice: (_, offset, length) => (offset + length <= size ? vector.subarray(offset, offset + length) : undefined),
    replica: () => ({ step: 1, bytes: new Uint8Array(size * 12).fill(++copies) }),
    hold: () => () => undefined,
    onSent: () => undefined,
  });
  const client = new WorkerClient(`127.0.0.1:${server.port}`, credentials.createInsecure(), bulkChannelOptions);
  closers.push(
    () => server.close(),
    () => client.close(),
  );
  return { server, client, metadata: withToken(server.key), copies: () => copies };
}

async function serves({ server, client, metadata }: Awaited<ReturnType<typeof start>>): Promise<void> {
  expect(await healthCheck(server.port)).toBeLessThan(2_000);
  const into = new Float32Array(size);
  const request = { step: 1, first: 0, count: 1, offset: 0, length: size };
  await receiveVector(client.pullContribution(request, metadata), into, "float32");
  expect(Buffer.from(into.buffer).equals(Buffer.from(vector.buffer))).toBe(true);
}

describe("a worker's own server", () => {
  it("survives any bytes", async () => {
    const worker = await start();
    const seed = Number(process.env["COXSWAIN_TEST_SEED"] ?? Date.now() % 2 ** 31);
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 4096 }), (bytes) =>
      sendRaw(worker.server.port, bytes),
    );
    await fc.assert(property, { seed, numRuns: 30 }).catch((error: unknown) => {
      throw new Error(`with COXSWAIN_TEST_SEED=${seed}`, { cause: error });
    });
    await serves(worker);
  });

  it("reads no request that is larger than a request is, and none without the key", async () => {
    const worker = await start();
    const session = http2Session(worker.server.port);
    closers.push(() => session.destroy());
    const path = "/coxswain.v1.Worker/PullReplica";
    const large = frame(Buffer.alloc(64 * 1024));
    const shown = { authorization: `Bearer ${worker.server.key}` };
    expect(await statusOf(rawCall(session, path).end(large))).toBe(status.UNAUTHENTICATED);
    expect(await statusOf(rawCall(session, path, shown).end(large))).toBe(status.RESOURCE_EXHAUSTED);
    expect(worker.copies()).toBe(0);
    await serves(worker);
  });

  it.each([
    [2 ** 63, 4],
    [0, 0],
    [0, size + 1],
    [2 ** 53, 1],
    [1, 2 ** 53],
    [2 ** 64 - 1, 2],
    [Number.NaN, Number.NaN],
  ])("sends no elements %d+%d", async (offset, length) => {
    const worker = await start();
    const { client, metadata } = worker;
    const codes = await Promise.all([
      refusal(client.pullContribution({ step: 1, first: 0, count: 1, offset, length }, metadata)),
      refusal(client.pullSlice({ step: 1, offset, length }, metadata)),
    ]);
    for (const { code } of codes) expect([status.INVALID_ARGUMENT, status.NOT_FOUND]).toContain(code);
    await serves(worker);
  });

  it("makes few copies of its replica, however often it is asked", async () => {
    const worker = await start();
    const before = memoryInUse();
    const calls = Array.from({ length: 20 }, () => worker.client.pullReplica({}, worker.metadata));
    const codes = await Promise.all(calls.slice(2).map(async (call) => (await refusal(call)).code));
    expect(new Set(codes)).toEqual(new Set([status.RESOURCE_EXHAUSTED]));
    expect(worker.copies()).toBe(2);
    for (const call of calls.slice(0, 2)) call.on("error", () => undefined).cancel();
    await serves(worker);
    expect(memoryInUse() - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe("a model that a hostile coordinator offers", () => {
  const content = Buffer.from("{}");
  const file = (name: string): ModelFile => ({
    name,
    bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
  });
  const send = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(content);
  };

  it.each([
    "../evil.safetensors",
    "/tmp/evil.safetensors",
    "a/b.safetensors",
    "..",
    ".",
    "",
    "a\\b.safetensors",
    "a\0.safetensors",
  ])("writes nothing under the name %j", async (name) => {
    const cacheDir = mkdtempSync(join(tmpdir(), "coxswain-test-"));
    closers.push(() => rmSync(cacheDir, { recursive: true }));
    const files = [file("config.json"), file(name)];
    await expect(receiveModel({ hash: contentHash(files), files }, send, { cacheDir })).rejects.toMatchObject({
      code: "network",
    });
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it.each(["../../../etc", "", "A".repeat(64), `${"a".repeat(63)}/`])("lies in no folder named %j", (hash) => {
    expect(() => modelCacheFolder(hash)).toThrow(/is no content hash/);
  });

  it("does not follow a link that lies where it would go", async () => {
    const cacheDir = mkdtempSync(join(tmpdir(), "coxswain-test-"));
    const outside = mkdtempSync(join(tmpdir(), "coxswain-test-"));
    closers.push(() => [cacheDir, outside].forEach((folder) => rmSync(folder, { recursive: true })));
    const target = join(outside, "precious");
    writeFileSync(target, "precious");
    const files = [file("config.json")];
    const folder = modelCacheFolder(contentHash(files), cacheDir);
    mkdirSync(join(folder, ".."), { recursive: true });
    symlinkSync(outside, folder);
    await receiveModel({ hash: contentHash(files), files }, send, { cacheDir }).catch(() => undefined);
    expect(readdirSync(outside)).toEqual(["precious"]);
  });
});
