import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { ChannelCredentials } from "@grpc/grpc-js";
import type { ClientReadableStream, Server, ServerWritableStream } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { VectorAssembler, encodeChunk, vectorChunks } from "../../../src/collective/index.js";
import type { Chunk, VectorDtype } from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import {
  CoordinatorClient,
  bulkChannelOptions,
  coordinatorService,
  receiveVector,
  reportSlowPath,
  sendVector,
} from "../../../src/rpc/index.js";
import { everyCoordinatorCall, startBareServer } from "../../support/grpc-server.js";
import type { CoordinatorStub } from "../../../src/rpc/index.js";
import { ChunkReader, directWriter, readChunks, readDirectly } from "../../../src/rpc/direct.js";
import type { ChunkSink, ChunkSource } from "../../../src/rpc/direct.js";
import { gradientLike } from "../collective/reference.js";

/** A message as it lies in a stream of them. */
function framed(message: Uint8Array, compressed = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** The same message in another encoding: its fields in another order, after one that no reader knows. */
function otherEncoding({ offset, total, checksum, payload }: Chunk): Buffer {
  const head = Buffer.alloc(25);
  head.set([6 * 8, 1]);
  head[2] = 2 * 8 + 1;
  head.writeBigUInt64LE(BigInt(total), 3);
  head[11] = 1 * 8 + 1;
  head.writeBigUInt64LE(BigInt(offset), 12);
  head[20] = 14 * 8 + 5;
  head.writeUInt32LE(checksum!, 21);
  const length = [4 * 8 + 2, 0x80 | (payload.length & 0x7f), payload.length >> 7];
  return Buffer.concat([head, Buffer.from(length), payload]);
}

describe("a vector is read from a byte stream", () => {
  const cases = fc.record({
    length: fc.integer({ min: 0, max: 500 }),
    dtype: fc.constantFrom<VectorDtype>("float32", "bfloat16"),
    elements: fc.integer({ min: 1, max: 200 }),
    cuts: fc.array(fc.nat({ max: 3000 }), { maxLength: 12 }),
    ours: fc.infiniteStream(fc.boolean()),
    added: fc.boolean(),
  });

  it("whatever the boundaries of the reads and the layout of the messages", () => {
    fc.assert(
      fc.property(cases, ({ length, dtype, elements, cuts, ours, added }) => {
        const vector = gradientLike(length, 1);
        const addend = added ? gradientLike(length, 2) : undefined;
        const chunks = [...vectorChunks(vector, dtype, elements * 4)];
        const expected = new Float32Array(length);
        const whole = new VectorAssembler(expected, dtype, addend);
        for (const chunk of chunks) whole.add(chunk);
        const bytes = Buffer.concat(
          chunks.map((chunk) => framed(ours.next().value === true ? encodeChunk(chunk) : otherEncoding(chunk))),
        );

        const into = new Float32Array(length);
        const assembler = new VectorAssembler(into, dtype, addend);
        const reader = new ChunkReader(assembler);
        const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        bounds.slice(1).forEach((end, index) => reader.write(bytes.subarray(bounds[index], end)));
        assembler.finish();
        expect(into).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  const sink = (): ChunkSink => new VectorAssembler(new Float32Array(4), "float32");

  it.each([
    ["compressed", framed(encodeChunk([...vectorChunks(new Float32Array(4), "float32")][0]!), 1), "compressed"],
    ["too large", Buffer.from([0, 0x7f, 0, 0, 0]), "2130706432 bytes"],
    ["not a chunk", framed(Buffer.alloc(40, 0xff)), "malformed"],
    ["empty", framed(Buffer.alloc(0)), "0 bytes were offered"],
    ["short and not a chunk", framed(Buffer.from([0x0d])), "field 1"],
  ])("a message that is %s is refused", (_name, bytes, message) => {
    const read = (): void => new ChunkReader(sink()).write(bytes);
    expect(read).toThrow(CoxswainError);
    expect(read).toThrow(message);
  });

  it("yields a chunk or an error for arbitrary bytes, and writes nothing else", () => {
    const honest = framed(encodeChunk([...vectorChunks(gradientLike(4, 1), "float32")][0]!));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: honest.length }), (noise, kept) => {
        const buffer = new Float32Array(5).fill(7);
        const reader = new ChunkReader(new VectorAssembler(buffer.subarray(0, 4), "float32"));
        try {
          reader.write(Buffer.concat([honest.subarray(0, kept), noise]));
        } catch (error) {
          expect(error).toBeInstanceOf(CoxswainError);
        }
        expect(buffer[4]).toBe(7);
      }),
    );
  });
});

describe("with the installed gRPC library", () => {
  const open: { server: Server; client: CoordinatorStub }[] = [];

  afterEach(() => {
    for (const { server, client } of open.splice(0)) {
      client.close();
      server.forceShutdown();
    }
  });

  /** A call to a server that answers it so. */
  async function call(
    answer: (call: ServerWritableStream<unknown, Chunk>) => void,
  ): Promise<ClientReadableStream<Chunk>> {
    const { server, address } = await startBareServer(coordinatorService, everyCoordinatorCall(answer));
    const client = new CoordinatorClient(address, ChannelCredentials.createInsecure(), bulkChannelOptions);
    open.push({ server, client });
    return client.pullReduced({});
  }

  const vector = gradientLike(700_000, 3);
  const isSame = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

  it("both sides bypass its copies", async () => {
    const found: boolean[] = [];
    const decoded = vi.fn();
    const pulled = await call((served) => {
      void sendVector(served, vector, "float32").then(() => served.end());
      found.push(directWriter(served) !== undefined);
    });
    pulled.on("metadata", () =>
      found.push(readDirectly(pulled, { begin: decoded, take: decoded, add: decoded }, decoded)),
    );
    pulled.on("data", () => found.push(false));
    await new Promise((resolve) => pulled.on("end", resolve));
    expect(found).toEqual([true, true]);
    expect(decoded).toHaveBeenCalled();
  });

  it("the version is the exact one in package.json: another may keep its stream elsewhere", () => {
    const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
    const { dependencies } = read("../../../package.json") as { dependencies: Record<string, string> };
    const { version } = read("../../../node_modules/@grpc/grpc-js/package.json") as { version: string };
    expect(dependencies["@grpc/grpc-js"]).toBe(version);
  });

  it("no transfer takes the slow path, in either direction", async () => {
    const counted: string[] = [];
    const end = reportSlowPath({ count: (direction) => counted.push(direction), warn: (text) => counted.push(text) });
    const into = new Float32Array(vector.length);
    const pulled = await call((served) => void sendVector(served, vector, "float32").then(() => served.end()));
    await receiveVector(pulled, into, "float32");
    end();
    expect(isSame(into, vector)).toBe(true);
    expect(counted).toEqual([]);
  });

  it("the slow path is reported once and counted every time", () => {
    const counted: string[] = [];
    const warned: string[] = [];
    const end = reportSlowPath({ count: (direction) => counted.push(direction), warn: (text) => warned.push(text) });
    const moved = (): void => {
      const elsewhere = new EventEmitter();
      expect(directWriter(elsewhere)).toBeUndefined();
      const source = Object.assign(elsewhere, { resume: () => source });
      readChunks(source as unknown as ChunkSource, { begin: vi.fn(), take: vi.fn(), add: vi.fn() }, vi.fn());
      elsewhere.emit("metadata");
    };
    moved();
    moved();
    end();
    moved();
    expect(counted).toEqual(["sent", "received", "sent", "received"]);
    expect(warned).toEqual([expect.stringContaining("@grpc/grpc-js")]);
  });

  it.each(["float32", "bfloat16"] as const)("only one side bypasses its copies: as %s", async (dtype) => {
    const into = new Float32Array(vector.length);
    const expected = new Float32Array(vector.length);
    const whole = new VectorAssembler(expected, dtype);
    for (const chunk of vectorChunks(vector, dtype)) whole.add(chunk);

    const messages = (served: ServerWritableStream<unknown, Chunk>): void => {
      for (const chunk of vectorChunks(vector, dtype)) served.write(chunk);
      served.end();
    };
    await receiveVector(await call(messages), into, dtype);
    expect(isSame(into, expected)).toBe(true);

    const pulled = await call((served) => {
      void sendVector(served, vector, dtype).then(() => served.end());
    });
    const assembler = new VectorAssembler(into.fill(0), dtype);
    for await (const chunk of pulled) assembler.add(chunk as Chunk);
    assembler.finish();
    expect(isSame(into, expected)).toBe(true);
  });

  it("an invalid chunk ends the call with an error that says what is wrong", async () => {
    let cancelled: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => (cancelled = resolve));
    const pulled = await call((served) => {
      served.on("cancelled", () => cancelled?.());
      const [chunk] = [...vectorChunks(vector, "float32")];
      served.write({ ...chunk!, checksum: 1 });
    });
    const received = receiveVector(pulled, new Float32Array(vector.length), "float32");
    await expect(received).rejects.toThrow("damaged");
    await ended;
  });

  it("ends the call for an answer that ends early or contains no chunk", async () => {
    const into = new Float32Array(vector.length);
    const early = await call((served) => {
      served.write([...vectorChunks(vector, "float32")][0]!);
      served.end();
    });
    await expect(receiveVector(early, into, "float32")).rejects.toThrow("a transfer ended after 262144");
    const empty = await call((served) => served.end());
    await expect(receiveVector(empty, into, "float32")).rejects.toThrow("a transfer ended after 0");
  });
});
