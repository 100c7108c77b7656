/** What somebody on the network can send to a worker's own server: it serves the honest ones as before. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, status } from "@grpc/grpc-js";
import type { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { modelCacheFolder, receiveModel } from "../../../../src/model/index.js";
import { contentHash } from "../../../../src/model/manifest.js";
import type { ModelFile } from "../../../../src/model/index.js";
import type { WorkerStub } from "../../../../src/rpc/index.js";
import {
  PullRefused,
  PullStream,
  WorkerClient,
  bulkChannelOptions,
  metadataKeys,
  withToken,
  workerService,
} from "../../../../src/rpc/index.js";
import { seal } from "../../../../src/rpc/seal.js";
import { startDataServer } from "../../../../src/worker/grpc/data-server.js";
import type { OpenDataServer } from "../../../../src/worker/grpc/data-server.js";
import {
  frame,
  healthCheck,
  http2Session,
  memoryInUse,
  rawCall,
  refusal,
  sendRaw,
  statusOf,
} from "../../../support/hostile.js";

const size = 1 << 20;
const vector = Float32Array.from({ length: size }, (_, index) => index);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Started {
  readonly server: OpenDataServer;
  readonly client: WorkerStub;
  readonly metadata: Metadata;
  /** Of the replica. */
  readonly copies: () => number;
  /** Vectors that were looked up, and those of them that are being sent. */
  readonly pulls: { asked: number; held: number };
}

async function start(): Promise<Started> {
  const server = await startDataServer({ host: "127.0.0.1", port: 0, tls: false });
  let copies = 0;
  const pulls = { asked: 0, held: 0 };
  server.serve({
    runId: "run",
    dtype: "float32",
    contribution: () => {
      pulls.asked++;
      return vector;
    },
    slice: (_, offset, length) => (offset + length <= size ? vector.subarray(offset, offset + length) : undefined),
    replica: () => ({ step: 1, bytes: new Uint8Array(size * 12).fill(++copies) }),
    hold: () => {
      pulls.held++;
      return () => pulls.held--;
    },
    onSent: () => undefined,
  });
  const client = new WorkerClient(`127.0.0.1:${server.port}`, credentials.createInsecure(), bulkChannelOptions);
  closers.push(
    () => server.close(),
    () => client.close(),
  );
  const metadata = withToken(server.key);
  metadata.set(metadataKeys.run, "run");
  return { server, client, metadata, copies: () => copies, pulls };
}

const whole = { contribution: { step: 1, first: 0, count: 1, offset: 0, length: size } };

async function serves({ server, client, metadata }: Started): Promise<void> {
  expect(await healthCheck(server.port)).toBeLessThan(10_000);
  const into = new Float32Array(size);
  const stream = new PullStream(client.pull(metadata));
  await stream.pull(whole, into, "float32");
  stream.close();
  expect(Buffer.from(into.buffer).equals(Buffer.from(vector.buffer))).toBe(true);
}

describe("a worker's own server", () => {
  it("survives random bytes", async () => {
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

  it("reads no oversized request, and none without the key", async () => {
    const worker = await start();
    const session = http2Session(worker.server.port);
    closers.push(() => session.destroy());
    const path = "/coxswain.v1.Worker/PullReplica";
    const large = frame(Buffer.alloc(64 * 1024));
    const shown = { authorization: `Bearer ${worker.server.key}`, [metadataKeys.run]: "run" };
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
    const stream = new PullStream(client.pull(metadata));
    const into = new Float32Array(4);
    const pulls = [
      { contribution: { step: 1, first: 0, count: 1, offset, length } },
      { slice: { step: 1, offset, length } },
    ];
    for (const wanted of pulls) await expect(stream.pull(wanted, into, "float32")).rejects.toThrow(PullRefused);
    await stream.pull({ slice: { step: 1, offset: 4, length: 4 } }, into, "float32");
    expect([...into]).toEqual([4, 5, 6, 7]);
    stream.close();
    await serves(worker);
  });

  const path = "/coxswain.v1.Worker/Pull";
  const request = frame(workerService.Pull.requestSerialize({ number: 1, ...whole }));

  it("ends a pull stream for random bytes, before and while it sends", async () => {
    const worker = await start();
    const session = http2Session(worker.server.port);
    closers.push(() => session.destroy());
    const shown = { authorization: `Bearer ${worker.server.key}`, [metadataKeys.run]: "run" };
    const seed = Number(process.env["COXSWAIN_TEST_SEED"] ?? Date.now() % 2 ** 31);
    const noise = fc.uint8Array({ minLength: 1, maxLength: 512 });
    const property = fc.asyncProperty(
      noise,
      fc.constantFrom("raw", "framed", "sealed"),
      fc.boolean(),
      async (bytes, kind, begun) => {
        const sent = { raw: bytes, framed: frame(bytes), sealed: frame(seal(Buffer.from(bytes))) }[kind];
        const stream = rawCall(session, path, shown);
        if (begun) stream.write(request);
        const ended = statusOf(stream.end(sent));
        // Valid protobuf with unknown fields, sealed, is a request for nothing; and any length may be one of more to come.
        expect(await ended).not.toBe(status.UNAUTHENTICATED);
      },
    );
    await fc.assert(property, { seed, numRuns: 60 }).catch((error: unknown) => {
      throw new Error(`with COXSWAIN_TEST_SEED=${seed}`, { cause: error });
    });
    await serves(worker);
    await vi.waitFor(() => expect(worker.pulls.held).toBe(0), 10_000);
  });

  it("reads no second request until the first answer is consumed, and buffers few", async () => {
    const worker = await start();
    // On one connection, the first few would leave no room for the others' requests.
    const sessions = Array.from({ length: 20 }, () => http2Session(worker.server.port));
    closers.push(() => sessions.forEach((session) => session.destroy()));
    const before = memoryInUse();
    const shown = { authorization: `Bearer ${worker.server.key}`, [metadataKeys.run]: "run" };
    const streams = sessions.map((session) => rawCall(session, path, shown).pause());
    const many = Buffer.concat(Array.from({ length: 2_000 }, () => request));
    for (const stream of streams) for (let time = 0; time < 10; time++) stream.write(many);
    await vi.waitFor(() => expect(worker.pulls.asked).toBe(streams.length), 10_000);
    expect(await healthCheck(worker.server.port)).toBeLessThan(10_000);
    expect(worker.pulls).toEqual({ asked: streams.length, held: streams.length });
    // What this side has not got rid of is its own: as much was written for every stream.
    const unsent = streams.reduce((bytes, stream) => bytes + stream.writableLength, 0);
    expect(memoryInUse() - before - unsent).toBeLessThan(32 * 1024 * 1024);
    for (const session of sessions) session.destroy();
    await vi.waitFor(() => expect(worker.pulls.held).toBe(0), 10_000);
    await serves(worker);
    // Requests that had come are forgotten with their streams.
    expect(worker.pulls.asked).toBe(streams.length + 1);
  });

  it("answers thousands of requests on one stream", async () => {
    const worker = await start();
    const stream = new PullStream(worker.client.pull(worker.metadata));
    const refused = Array.from({ length: 2_000 }, () =>
      stream.pull({ slice: { step: 1, offset: size, length: 4 } }, new Float32Array(4), "float32").then(
        () => "given",
        (error: unknown) => (error as Error).name,
      ),
    );
    expect(new Set(await Promise.all(refused))).toEqual(new Set(["PullRefused"]));
    stream.close();
    await serves(worker);
  });

  it("makes few copies of its replica, however often it is requested", async () => {
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

describe("a model offered by a hostile coordinator", () => {
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

  it.each(["../../../etc", "", "A".repeat(64), `${"a".repeat(63)}/`])("is stored in no folder named %j", (hash) => {
    expect(() => modelCacheFolder(hash)).toThrow(/is not a content hash/);
  });

  it("does not follow a symbolic link at its destination", async () => {
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
