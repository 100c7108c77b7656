/** A stream of pulls from both its ends, over real sockets; and when it ends by itself, over none. */
import { EventEmitter, getEventListeners, setMaxListeners } from "node:events";
import { ChannelCredentials, status } from "@grpc/grpc-js";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { afterEach, describe, expect, it, vi } from "vitest";
import { VectorAssembler, vectorChunks } from "../../../src/collective/index.js";
import type { Chunk, VectorDtype } from "../../../src/collective/index.js";
import {
  PullRefused,
  PullServer,
  PullStream,
  WorkerClient,
  WorkerConnection,
  bulkChannelOptions,
  needsConnection,
  refuse,
  withToken,
  workerService,
} from "../../../src/rpc/index.js";
import type { PullAnswer, PullCall } from "../../../src/rpc/index.js";
import type { PullRequest, PullRequestOutput, WorkerStub } from "../../../src/rpc/types.js";
import { startBareServer } from "../../support/grpc-server.js";
import { gradientLike } from "../collective/reference.js";

const closing: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) close();
});

/** A server whose calls are handled so, and how to reach it. */
async function serve(pull: (call: PullCall) => void): Promise<() => WorkerStub> {
  const { server, address } = await startBareServer(workerService, { Pull: pull, PullReplica: pull });
  closing.push(() => server.forceShutdown());
  return () => {
    const client = new WorkerClient(address, ChannelCredentials.createInsecure(), bulkChannelOptions);
    closing.push(() => client.close());
    return client;
  };
}

/** A server that answers requests by itself. */
const serveAnswers = (answer: (request: PullRequestOutput) => PullAnswer): Promise<() => WorkerStub> => {
  const pulls = new PullServer();
  return serve((call) => void pulls.serve(call, answer));
};

const given = (vector: Float32Array, dtype: VectorDtype): PullAnswer => ({
  chunks: vectorChunks(vector, dtype),
  release: () => undefined,
});
const slice = (step: number, length: number) => ({ slice: { step, offset: 0, length } });
const large = 700_000;
const vectorOf = (step: number, length: number): Float32Array => gradientLike(length, step);

/** What must come of a vector. */
function expected(step: number, length: number, dtype: VectorDtype, addend?: Float32Array): Float32Array {
  const into = new Float32Array(length);
  const assembler = new VectorAssembler(into, dtype, addend);
  for (const chunk of vectorChunks(vectorOf(step, length), dtype)) assembler.add(chunk);
  return into;
}

const isSame = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

describe("with the installed gRPC library", () => {
  const answers =
    (dtype: VectorDtype) =>
    (request: PullRequestOutput): PullAnswer => {
      const { step, length } = request.slice!;
      return step === 0 ? { refusal: "step 0 is not here" } : given(vectorOf(step, length), dtype);
    };

  it.each(["float32", "bfloat16"] as const)(
    "several vectors arrive over one stream, with a refusal in between, as %s",
    async (dtype) => {
      const connect = await serveAnswers(answers(dtype));
      const stream = new PullStream(connect().pull());
      const [one, two] = [new Float32Array(large), new Float32Array(1001)];
      const addend = gradientLike(1001, 9);
      const pulled = stream.pull(slice(1, large), one, dtype);
      const refused = stream.pull(slice(0, 5), new Float32Array(5), dtype);
      const added = stream.pull(slice(2, 1001), two, dtype, { addend });
      await expect(refused).rejects.toThrow(PullRefused);
      await Promise.all([pulled, added]);
      expect(isSame(one, expected(1, large, dtype))).toBe(true);
      expect(isSame(two, expected(2, 1001, dtype, addend))).toBe(true);
      expect(stream.failure).toBeUndefined();
      stream.close();
    },
  );

  it("works with a peer that does not bypass the library's copies", async () => {
    // The sender writes messages, as another implementation would.
    const connect = await serve((call) => {
      call.on("data", (request: PullRequestOutput) => {
        const { step, length } = request.slice!;
        for (const chunk of vectorChunks(vectorOf(step, length), "float32"))
          call.write({ ...chunk, pull: request.number });
      });
    });
    const stream = new PullStream(connect().pull());
    const into = [new Float32Array(large), new Float32Array(10)];
    await Promise.all(into.map((vector, at) => stream.pull(slice(at + 1, vector.length), vector, "float32")));
    into.forEach((vector, at) => expect(isSame(vector, expected(at + 1, vector.length, "float32"))).toBe(true));
    stream.close();

    // And the receiver reads messages.
    const reading = (await serveAnswers(answers("float32")))().pull();
    const whole = new VectorAssembler(into[0]!.fill(0), "float32");
    reading.write({ number: 77, ...slice(3, large) });
    for await (const chunk of reading as AsyncIterable<Chunk>) {
      expect(chunk.pull).toBe(77);
      whole.add(chunk);
      if (whole.complete) break;
    }
    expect(isSame(into[0]!, expected(3, large, "float32"))).toBe(true);
  });

  it("a cancelled vector makes way for the next", async () => {
    const connect = await serveAnswers(answers("float32"));
    const stream = new PullStream(connect().pull());
    const abort = new AbortController();
    const first = stream.pull(slice(1, large), new Float32Array(large), "float32", { signal: abort.signal });
    const into = new Float32Array(10);
    const second = stream.pull(slice(2, 10), into, "float32");
    abort.abort();
    await expect(first).rejects.toBe(abort.signal.reason);
    await second;
    expect(isSame(into, expected(2, 10, "float32"))).toBe(true);
    await expect(stream.pull(slice(2, 10), into, "float32", { signal: abort.signal })).rejects.toBe(
      abort.signal.reason,
    );
    stream.close();
  });

  it("thousands of pulls leave no listeners and no timers behind, on either side", async () => {
    let call: PullCall | undefined;
    const pulls = new PullServer();
    const small = gradientLike(16, 1);
    const connect = await serve((served) => {
      call = served;
      void pulls.serve(served, () => given(small, "float32"));
    });
    const calling = connect().pull();
    const stream = new PullStream(calling);
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const into = new Float32Array(16);
    const pull = (): Promise<unknown> => stream.pull(slice(1, 16), into, "float32", { signal });
    const listeners = (emitter: EventEmitter): number[] =>
      emitter.eventNames().map((name) => emitter.listenerCount(name));
    await pull();
    const before = [listeners(calling), listeners(call!)];
    for (let batch = 0; batch < 30; batch++) await Promise.all(Array.from({ length: 100 }, pull));
    await pull();
    expect([listeners(calling), listeners(call!)]).toEqual(before);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    stream.close();
  });

  it("a stream ended by the server ends all its pulls, and the next pull opens another", async () => {
    let streams = 0;
    const pulls = new PullServer();
    const connect = await serve((call) => {
      streams++;
      if (streams === 1) call.on("data", () => call.end());
      else if (streams === 2) refuse(call, status.NOT_FOUND, "no run now");
      else void pulls.serve(call, answers("float32"));
    });
    const clients = vi.fn(connect);
    const connection = new WorkerConnection(clients, withToken("key"));
    const into = new Float32Array(10);
    const pull = (): Promise<unknown> => connection.pull(slice(1, 10), into, "float32");
    const results = await Promise.allSettled([pull(), pull()]);
    for (const result of results) {
      expect(result).toMatchObject({ reason: { message: "a peer ended its stream of vectors" } });
      expect(needsConnection((result as PromiseRejectedResult).reason)).toBe(true);
    }
    await expect(pull()).rejects.toMatchObject({ code: status.NOT_FOUND });
    await pull();
    expect(isSame(into, expected(1, 10, "float32"))).toBe(true);
    expect(streams).toBe(3);
    // The refusal says nothing against the connection; the end without a word does.
    expect(clients).toHaveBeenCalledTimes(2);
    connection.close();
    await expect(pull()).rejects.toThrow("closed");
  });

  it("damaged data ends the stream and all its pulls with an error that says what is wrong", async () => {
    let cancelled: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => (cancelled = resolve));
    const connect = await serve((call) => {
      call.on("cancelled", () => cancelled?.());
      call.once("data", (request: PullRequestOutput) => {
        const [first, second] = [...vectorChunks(vectorOf(1, large), "float32")];
        call.write({ ...first!, pull: request.number });
        call.write({ ...second!, pull: request.number, checksum: 1 });
      });
    });
    const stream = new PullStream(connect().pull());
    const pulled = [1, 2].map(() => stream.pull(slice(1, large), new Float32Array(large), "float32"));
    for (const result of await Promise.allSettled(pulled))
      expect(result).toMatchObject({
        reason: { code: "network", message: expect.stringContaining("damaged") as string },
      });
    await ended;
  });
});

/** A call that nobody answers. */
class SilentCall extends EventEmitter {
  readonly written: PullRequest[] = [];
  readonly cancel = vi.fn();
  write(request: PullRequest): boolean {
    this.written.push(request);
    return true;
  }
  resume(): this {
    return this;
  }
}

describe("a stream without an answer", () => {
  const open = (): { call: SilentCall; stream: PullStream; give: (chunk: Chunk) => void } => {
    vi.useFakeTimers();
    const call = new SilentCall();
    const stream = new PullStream(call as unknown as ClientDuplexStream<PullRequest, Chunk>);
    call.emit("metadata");
    return { call, stream, give: (chunk) => call.emit("data", chunk) };
  };
  const failed = (pulled: Promise<unknown>): Promise<string> =>
    pulled.then(
      () => "given",
      (error: unknown) => (error as Error).message,
    );

  it("ends after five consecutive checks without data; an idle one is not checked", async () => {
    const { call, stream, give } = open();
    expect(vi.getTimerCount()).toBe(0);
    const first = failed(stream.pull(slice(1, 4), new Float32Array(4), "float32"));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(4_500);
    for (const chunk of vectorChunks(new Float32Array(4), "float32")) give({ ...chunk, pull: 1 });
    expect(await first).toBe("given");
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(stream.failure).toBeUndefined();

    const abort = new AbortController();
    const second = failed(stream.pull(slice(1, 4), new Float32Array(4), "float32", { signal: abort.signal }));
    const third = failed(stream.pull(slice(1, 4), new Float32Array(4), "float32"));
    expect(call.written.map(({ number }) => number)).toEqual([1, 2, 3]);
    abort.abort(new Error("enough"));
    vi.advanceTimersByTime(4_500);
    expect(call.cancel).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(call.cancel).toHaveBeenCalledOnce();
    expect(await Promise.all([second, third])).toEqual(["enough", "a peer sent nothing for 5 s, after 16 bytes"]);
    expect(needsConnection(stream.failure)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends when a vector takes too long, counted from its turn", async () => {
    const { stream, give } = open();
    const length = 1024 * 1024;
    const pulled = [1, 2].map(() => failed(stream.pull(slice(1, length), new Float32Array(length), "float32")));
    // 4 MiB have 14 s: the first takes 12, the second more.
    const chunks = [1, 2].map((pull) =>
      [...vectorChunks(new Float32Array(length), "float32")].map((chunk) => ({ ...chunk, pull })),
    );
    chunks[0]!.slice(0, 12).forEach((chunk) => {
      vi.advanceTimersByTime(1_000);
      give(chunk);
    });
    chunks[0]!.slice(12).forEach(give);
    expect(await pulled[0]).toBe("given");
    chunks[1]!.slice(0, 14).forEach((chunk) => {
      vi.advanceTimersByTime(1_000);
      give(chunk);
    });
    expect(stream.failure).toBeUndefined();
    vi.advanceTimersByTime(2_000);
    expect(await pulled[1]).toBe("a vector of 4194304 bytes took longer than 15 s");
  });

  it("ends its pulls when it is closed, and accepts no more", async () => {
    const { call, stream } = open();
    const pulled = failed(stream.pull(slice(1, 4), new Float32Array(4), "float32"));
    stream.close();
    stream.close();
    expect(await pulled).toBe("the stream was closed");
    expect(call.cancel).toHaveBeenCalledOnce();
    await expect(stream.pull(slice(1, 4), new Float32Array(4), "float32")).rejects.toThrow("the stream was closed");
    call.emit("error", new Error("1 CANCELLED"));
    call.emit("end");
    // What comes of the cancelled call afterwards does not take its place.
    expect(stream.failure).toMatchObject({ code: "network", message: "the stream was closed" });
  });
});
