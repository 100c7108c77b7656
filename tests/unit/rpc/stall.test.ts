/** A transfer that stops in the middle is given up in seconds, by whoever receives it. */
import { ChannelCredentials, status } from "@grpc/grpc-js";
import type { ServerReadableStream, ServerWritableStream } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { vectorChunks } from "../../../src/collective/index.js";
import type { Chunk } from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import {
  CoordinatorClient,
  PullRefused,
  PullStream,
  WorkerClient,
  bulkChannelOptions,
  coordinatorService,
  needsConnection,
  receiveObject,
  receiveReplica,
  receiveVector,
  workerService,
} from "../../../src/rpc/index.js";
import { unlessStalled } from "../../../src/rpc/stall.js";
import { everyCoordinatorCall, startBareServer } from "../../support/grpc-server.js";

const stalled = /^a peer sent nothing for 5 s, after \d+ bytes$/;

beforeEach(() => vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
const closing: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const close of closing.splice(0)) close();
});

describe("a transfer", () => {
  it("ends after five consecutive checks without data, and not while data arrives", () => {
    let bytes = 0;
    const end = vi.fn();
    const receiving = unlessStalled(new Promise(() => undefined), () => bytes, end);
    void receiving;
    for (let look = 0; look < 20; look++) {
      vi.advanceTimersByTime(1_000);
      if (look % 4 === 0) bytes++;
    }
    expect(end).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10_000);
    expect(end).toHaveBeenCalledOnce();
    expect(end).toHaveBeenCalledWith(
      expect.objectContaining({ message: "a peer sent nothing for 5 s, after 5 bytes" }),
    );
  });

  it("is not checked any more once it is over", async () => {
    await unlessStalled(Promise.resolve(1), () => 0, vi.fn());
    await expect(unlessStalled(Promise.reject(new Error("no")), () => 0, vi.fn())).rejects.toThrow("no");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is retried over a new connection if it stalled, was damaged, or lost its connection", () => {
    expect(needsConnection(new CoxswainError("network", "damaged"))).toBe(true);
    expect(needsConnection(Object.assign(new Error(), { code: status.UNAVAILABLE }))).toBe(true);
    expect(needsConnection(Object.assign(new Error(), { code: status.NOT_FOUND }))).toBe(false);
    expect(needsConnection(new Error("the worker is gone"))).toBe(false);
    expect(needsConnection(new PullRefused("no sum of shards 0+1"))).toBe(false);
  });
});

const [first] = [...vectorChunks(new Float32Array(3_000), "float32", 400)];

/** A server that ends none of its calls. */
async function serve(
  service: typeof workerService | typeof coordinatorService,
  handlers: Record<string, unknown>,
): Promise<string> {
  const { server, address } = await startBareServer(service, handlers);
  closing.push(() => server.forceShutdown());
  return address;
}

/** Lets time pass until what is waited for has failed. */
async function letFail(received: Promise<unknown>): Promise<void> {
  let failed = false;
  received.catch(() => (failed = true));
  while (!failed) {
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(100);
  }
  await expect(received).rejects.toThrow(stalled);
}

describe("with the installed gRPC library, a stalled stream", () => {
  const begun = async (): Promise<{ client: InstanceType<typeof WorkerClient>; cancelled: Promise<void> }> => {
    let cancel: (() => void) | undefined;
    const cancelled = new Promise<void>((resolve) => (cancel = resolve));
    const answer = (call: ServerWritableStream<unknown, Chunk>): void => {
      call.on("cancelled", () => cancel?.());
      call.write({ ...first!, pull: 1 });
    };
    const address = await serve(workerService, { Pull: answer, PullReplica: answer });
    const client = new WorkerClient(address, ChannelCredentials.createInsecure(), bulkChannelOptions);
    closing.push(() => client.close());
    return { client, cancelled };
  };

  it("ends with all its pulls, and the server notices", async () => {
    const { client, cancelled } = await begun();
    const stream = new PullStream(client.pull());
    const pull = (): Promise<unknown> => stream.pull({ slice: {} }, new Float32Array(3_000), "float32");
    const second = pull();
    const failed = expect(second).rejects.toThrow(stalled);
    await letFail(pull());
    await Promise.all([failed, cancelled]);
    await expect(pull()).rejects.toThrow(stalled);
  });

  it("fails a pull of a reduced gradient", async () => {
    const answer = (call: ServerWritableStream<unknown, Chunk>): boolean => call.write(first!);
    const address = await serve(coordinatorService, everyCoordinatorCall(answer));
    const client = new CoordinatorClient(address, ChannelCredentials.createInsecure(), bulkChannelOptions);
    closing.push(() => client.close());
    await letFail(receiveVector(client.pullReduced({}), new Float32Array(3_000), "float32"));
  });

  it("fails a pull of a replica", async () => {
    const { client, cancelled } = await begun();
    await letFail(receiveReplica(client.pullReplica({}), 1_000));
    await cancelled;
  });

  it("fails a push, and the client notices", async () => {
    const take = (call: ServerReadableStream<Chunk, unknown>, done: (error: unknown) => void): void => {
      const received = receiveObject(call, 12_000);
      received.catch((error: unknown) => done({ code: status.ABORTED, details: (error as Error).message }));
      void letFail(received);
    };
    const address = await serve(coordinatorService, everyCoordinatorCall(take));
    const client = new CoordinatorClient(address, ChannelCredentials.createInsecure(), bulkChannelOptions);
    closing.push(() => client.close());
    const told = new Promise<Error | null>((resolve) => {
      const call = client.pushReplica((error) => resolve(error));
      call.write(first!);
    });
    expect((await told)?.message).toMatch(/a peer sent nothing for 5 s/);
  });
});
