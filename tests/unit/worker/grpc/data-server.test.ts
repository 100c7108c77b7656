import { ChannelCredentials, Metadata, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { VectorDtype } from "../../../../src/collective/index.js";
import { bytesOf, roundToBf16, VectorPool } from "../../../../src/collective/index.js";
import { shardIndex } from "../../../../src/ids.js";
import {
  PullRefused,
  PullStream,
  WorkerClient,
  bulkChannelOptions,
  metadataKeys,
  receiveObject,
  withToken,
} from "../../../../src/rpc/index.js";
import type { Wanted, WorkerStub } from "../../../../src/rpc/index.js";
import { Contributions } from "../../../../src/worker/gradient/contributions.js";
import { startDataServer } from "../../../../src/worker/grpc/data-server.js";
import type { OpenDataServer } from "../../../../src/worker/grpc/data-server.js";
import type { Served } from "../../../../src/worker/transport.js";
import { gradientLike } from "../../collective/reference.js";

const size = 1000;
const gradient = gradientLike(size, 1);
const node = { first: shardIndex(2), count: 2 };

let server: OpenDataServer;
let client: WorkerStub;
let pool: VectorPool;
let contributions: Contributions;

const servedAs = (dtype: VectorDtype, parts: Partial<Served> = {}): Served => ({
  runId: "run-1",
  dtype,
  contribution: (step, wanted) => contributions.get(step, wanted),
  slice: (step, offset, length) => (step === 5 ? gradient.subarray(offset, offset + length) : undefined),
  replica: () => ({ step: 4, bytes: bytesOf(gradient) }),
  hold: (vector) => pool.hold(vector),
  onSent: () => undefined,
  ...parts,
});

const shown = (key = server.key, run = "run-1"): Metadata => {
  const metadata = withToken(key, new Metadata());
  metadata.set(metadataKeys.run, run);
  return metadata;
};

const streams: PullStream[] = [];

function openStream(metadata = shown()): PullStream {
  const stream = new PullStream(client.pull(metadata));
  streams.push(stream);
  return stream;
}

interface Range {
  readonly offset: number;
  readonly length: number;
}
const contribution = (range: Range): Wanted => ({ contribution: { step: 5, ...node, ...range } });
const slice = (range: Range, step = 5): Wanted => ({ slice: { step, ...range } });

async function vectorOf(
  stream: PullStream,
  wanted: Wanted,
  length: number,
  dtype: VectorDtype = "float32",
): Promise<Float32Array> {
  const into = new Float32Array(length);
  await stream.pull(wanted, into, dtype);
  return into;
}

beforeEach(async () => {
  server = await startDataServer({ host: "127.0.0.1", port: 0, tls: false });
  client = new WorkerClient(`127.0.0.1:${server.port}`, ChannelCredentials.createInsecure(), bulkChannelOptions);
  pool = new VectorPool(size);
  contributions = new Contributions(pool);
  const vector = pool.take();
  vector.set(gradient);
  contributions.put(5, node, vector);
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  client.close();
  await server.close();
});

describe("a worker's sums can be pulled", () => {
  it.each(["float32", "bfloat16"] as const)("any part of a contribution, as %s", async (dtype) => {
    server.serve(servedAs(dtype));
    const expected = gradient.slice();
    if (dtype === "bfloat16") roundToBf16(expected);
    const stream = openStream();
    const ranges = [
      [0, size],
      [1, 7],
      [999, 1],
    ] as const;
    const pulled = await Promise.all(
      ranges.map(([offset, length]) => vectorOf(stream, contribution({ offset, length }), length, dtype)),
    );
    expect(pulled).toEqual(ranges.map(([offset, length]) => expected.slice(offset, offset + length)));
  });

  it("a slice of the reduced gradient, and the replica with its step", async () => {
    server.serve(servedAs("float32"));
    expect(await vectorOf(openStream(), slice({ offset: 10, length: 20 }), 20)).toEqual(gradient.slice(10, 30));
    const call = client.pullReplica({}, shown());
    let step = "";
    call.on("metadata", (metadata: Metadata) => (step = String(metadata.get(metadataKeys.step)[0])));
    const bytes = await receiveObject(call, size * 4);
    expect(step).toBe("4");
    expect(Buffer.from(bytes).equals(bytesOf(gradient))).toBe(true);
  });
});

describe("a slice can be pulled by several peers while the next step's slice replaces it", () => {
  it("by any number concurrently, and after a change of the served slice", async () => {
    const large = gradientLike(300_000, 2);
    const slices = new Map([
      [5, large],
      [6, large.map((value) => value * 2)],
    ]);
    const serve = (dtype: VectorDtype): void =>
      server.serve(
        servedAs(dtype, { slice: (step, offset, length) => slices.get(step)?.subarray(offset, offset + length) }),
      );
    const pull = (step: number): Promise<Float32Array> =>
      vectorOf(openStream(), slice({ offset: 0, length: large.length }, step), large.length, dtype);
    const isSame = (a: Float32Array, b: Float32Array): boolean => Buffer.from(bytesOf(a)).equals(bytesOf(b));
    let dtype: VectorDtype = "float32";
    serve(dtype);
    const pulled = await Promise.all([pull(5), pull(5), pull(6), pull(5)]);
    expect(pulled.map((vector, index) => isSame(vector, slices.get(index === 2 ? 6 : 5)!))).toEqual(
      Array.from({ length: 4 }, () => true),
    );
    dtype = "bfloat16";
    serve(dtype);
    const rounded = large.slice();
    roundToBf16(rounded);
    expect(isSame(await pull(5), rounded)).toBe(true);
  });
});

describe("unavailable or forbidden requests are refused with the reason", () => {
  it.each([
    ["beyond the end", { offset: 0, length: size + 1 }],
    ["from beyond the end", { offset: size + 1, length: 1 }],
    ["nothing", { offset: 3, length: 0 }],
    ["a length that overflows", { offset: 1, length: Number.MAX_SAFE_INTEGER }],
  ])("a part of a contribution: %s", async (_name, range) => {
    server.serve(servedAs("float32"));
    const stream = openStream();
    await expect(vectorOf(stream, contribution(range), 1)).rejects.toThrow(/are not part of the vector/);
    expect(stream.failure).toBeUndefined();
  });

  it("an empty slice, and a request for nothing", async () => {
    server.serve(servedAs("float32"));
    const stream = openStream();
    await expect(vectorOf(stream, slice({ offset: 0, length: 0 }), 1)).rejects.toThrow(PullRefused);
    await expect(vectorOf(stream, { slice: null }, 1)).rejects.toThrow("the request names nothing");
  });

  it("another step, another node, no run, no replica yet: an open stream continues", async () => {
    const range = { offset: 0, length: 1 };
    await expect(vectorOf(openStream(), contribution(range), 1)).rejects.toMatchObject({ code: status.NOT_FOUND });
    server.serve(servedAs("float32", { replica: () => undefined }));
    const stream = openStream();
    const missing: [Wanted, string][] = [
      [{ contribution: { step: 6, ...node, ...range } }, "no sum of shards 2+2 of step 6"],
      [{ contribution: { step: 5, first: 2, count: 1, ...range } }, "no sum of shards 2+1 of step 5"],
      [slice(range, 6), "elements 0+1 of step 6 are not here"],
    ];
    for (const [wanted, message] of missing) await expect(vectorOf(stream, wanted, 1)).rejects.toThrow(message);
    expect(await vectorOf(stream, contribution(range), 1)).toEqual(gradient.slice(0, 1));
    await expect(receiveObject(client.pullReplica({}, shown()), 4)).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it("a caller with a different key, or from a different run", async () => {
    server.serve(servedAs("float32"));
    const wanted = contribution({ offset: 0, length: 1 });
    const calls = (metadata: Metadata): Promise<unknown>[] => [
      vectorOf(openStream(metadata), wanted, 1),
      receiveObject(client.pullReplica({}, metadata), 4),
    ];
    for (const call of [...calls(shown("another")), ...calls(new Metadata())])
      await expect(call).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    for (const metadata of [shown(server.key, "run-2"), withToken(server.key)])
      for (const call of calls(metadata))
        await expect(call).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(await vectorOf(openStream(shown(server.key, "run-1")), wanted, 1)).toEqual(gradient.slice(0, 1));
  });

  it("a stream that is open when the run ends or another begins", async () => {
    server.serve(servedAs("float32"));
    const wanted = contribution({ offset: 0, length: 1 });
    const stream = openStream(shown(server.key, "run-1"));
    await vectorOf(stream, wanted, 1);
    server.serve(undefined);
    await expect(vectorOf(stream, wanted, 1)).rejects.toThrow("is not part of a run at the moment");
    server.serve(servedAs("float32", { runId: "run-2" }));
    await expect(vectorOf(stream, wanted, 1)).rejects.toThrow("takes part in another run than run-1");
    server.serve(servedAs("float32"));
    expect(await vectorOf(stream, wanted, 1)).toEqual(gradient.slice(0, 1));
  });
});

describe("a server that closes", () => {
  it("ends idle streams immediately, and others after the current answer", async () => {
    const large = new Float32Array(4 * 1024 * 1024).fill(3);
    server.serve(servedAs("float32", { slice: () => large }));
    const idle = openStream();
    await vectorOf(idle, contribution({ offset: 0, length: 1 }), 1);
    const busy = openStream();
    const begun = new Promise<void>((resolve) =>
      server.serve(servedAs("float32", { slice: () => large, onSent: () => resolve() })),
    );
    const pulled = vectorOf(busy, slice({ offset: 0, length: large.length }), large.length);
    await begun;
    const closed = server.close();
    expect((await pulled).at(-1)).toBe(3);
    await closed;
    for (const stream of [idle, busy])
      await expect(vectorOf(stream, contribution({ offset: 0, length: 1 }), 1)).rejects.toThrow("ended its stream");
  });
});

describe("a reader never gets a mixture of two steps", () => {
  it("when the step becomes final while its contribution is being sent", async () => {
    // More than fits into the windows, so that most of it is still to be sent.
    const large = 8 * 1024 * 1024;
    pool = new VectorPool(large);
    contributions = new Contributions(pool);
    const vector = pool.take();
    vector.fill(1);
    contributions.put(5, node, vector);
    let held = 0;
    let released: (() => void) | undefined;
    const done = new Promise<void>((resolve) => (released = resolve));
    let begin: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    server.serve(
      servedAs("float32", {
        hold: (held_) => {
          held++;
          begin?.();
          const release = pool.hold(held_);
          return () => {
            release();
            released?.();
          };
        },
      }),
    );
    const into = new Float32Array(large);
    const received = openStream().pull(contribution({ offset: 0, length: large }), into, "float32");
    await begun;
    expect(held).toBe(1);
    contributions.release(5);
    // The next step takes a vector and writes into it.
    pool.take().fill(2);
    await received;
    await done;
    expect(into.every((value) => value === 1)).toBe(true);
    expect(pool.take()).toBe(vector);
  });

  it("and a reader that disconnects holds nothing", async () => {
    const large = 8 * 1024 * 1024;
    pool = new VectorPool(large);
    contributions = new Contributions(pool);
    const vector = pool.take();
    contributions.put(5, node, vector);
    let begin: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const done = new Promise<void>((resolve) => {
      server.serve(
        servedAs("float32", {
          hold: (held) => {
            begin?.();
            const release = pool.hold(held);
            return () => {
              release();
              resolve();
            };
          },
        }),
      );
    });
    const call = client.pull(shown());
    call.on("error", () => undefined);
    call.write({ number: 1, ...contribution({ offset: 0, length: large }) });
    await begun;
    contributions.release(5);
    call.cancel();
    await done;
    expect(pool.take()).toBe(vector);
  });
});
