/**
 * What a stranger can send to a coordinator, over real sockets. After each: the health check answers in time, memory has
 * not grown, and an honest worker trains to the same bits as in an undisturbed run.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { Metadata, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { guardLimits, protocolVersion, withToken } from "../../../src/rpc/index.js";
import type { GuardLimits } from "../../../src/rpc/index.js";
import { seal } from "../../../src/rpc/seal.js";
import {
  HonestWorker,
  clientOf,
  elsewhere,
  frame,
  healthCheck,
  http2Session,
  joinOf,
  memoryInUse,
  rawCall,
  rawSocket,
  refusal,
  sendRaw,
  statusOf,
  trainToTheEnd,
} from "../../support/hostile.js";
import { startHarness } from "../../support/service-harness.js";
import type { Harness } from "../../support/service-harness.js";

const token = "5ecret";
const size = 16;
const attend = "/coxswain.v1.Coordinator/Attend";
const check = "/grpc.health.v1.Health/Check";
const bearer = { authorization: `Bearer ${token}` };
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** More than what an undisturbed run and the test itself leave behind. */
const growthAllowed = 48 * 1024 * 1024;

const closers: (() => unknown)[] = [];
let undisturbed: string;
let unharmed: (() => Promise<void>) | undefined;

async function start(limits: Partial<GuardLimits> = {}): Promise<Harness> {
  const server = await startHarness({ token, size, limits: { ...guardLimits, ...limits } });
  closers.push(() => server.close());
  const before = memoryInUse();
  unharmed = async () => {
    expect(await healthCheck(server.server.port)).toBeLessThan(10_000);
    expect(await trainToTheEnd(server, token, size)).toBe(undisturbed);
    expect(memoryInUse() - before).toBeLessThan(growthAllowed);
  };
  return server;
}

beforeAll(async () => {
  const server = await startHarness({ token, size });
  undisturbed = await trainToTheEnd(server, token, size);
  await server.close();
});

afterEach(async () => {
  try {
    await unharmed?.();
  } finally {
    unharmed = undefined;
    for (const close of closers.splice(0).reverse()) await close();
  }
});

describe("the server survives bytes that are not gRPC", () => {
  it.each([
    ["random bytes", Buffer.alloc(0)],
    ["random bytes after HTTP/2's preface", preface],
    [
      "random bytes after HTTP/2's preface and settings",
      Buffer.concat([preface, Buffer.from("000000040000000000", "hex")]),
    ],
  ])("%s", async (_, head) => {
    const { server } = await start();
    const seed = Number(process.env["COXSWAIN_TEST_SEED"] ?? Date.now() % 2 ** 31);
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 4096 }), async (bytes) => {
      await sendRaw(server.port, Buffer.concat([head, bytes]));
    });
    await fc.assert(property, { seed, numRuns: 40 }).catch((error: unknown) => {
      throw new Error(`with COXSWAIN_TEST_SEED=${seed}`, { cause: error });
    });
  });

  it("unknown or oversized HTTP/2 frames", async () => {
    const { server } = await start();
    for (const header of ["ffffff00000000000100", "000004ff0000000001deadbeef", "0040000106000000010000"]) {
      const settings = Buffer.from("000000040000000000", "hex");
      await sendRaw(server.port, Buffer.concat([preface, settings, Buffer.from(header, "hex")]));
    }
  });
});

describe("calls without the token are refused", () => {
  it("before a message is read: a Join of megabytes, or one that announces 4 GiB", async () => {
    const { server } = await start();
    const session = http2Session(server.port);
    closers.push(() => session.destroy());
    for (const body of [frame(Buffer.alloc(8 * 1024 * 1024, 1)), frame(Buffer.alloc(100), 0xffff_ffff)]) {
      const stream = rawCall(session, attend);
      stream.write(body);
      expect(await statusOf(stream)).toBe(status.UNAUTHENTICATED);
    }
  });

  it("with headers of a megabyte", async () => {
    const { server } = await start();
    const client = clientOf(server.port);
    closers.push(() => client.close());
    const metadata = new Metadata();
    for (let index = 0; index < 1024; index++) metadata.set(`key-${index}`, "x".repeat(1024));
    expect((await refusal(client.attend(metadata))).code).not.toBe(status.OK);
  });

  it("thousands of them concurrently", async () => {
    const { server } = await start();
    const session = http2Session(server.port);
    closers.push(() => session.destroy());
    const streams = Array.from({ length: 2000 }, () => rawCall(session, attend));
    const codes = new Set(await Promise.all(streams.map(statusOf)));
    // Those beyond the number that a connection may have are not answered at all.
    const expected = new Set<number | undefined>([status.UNAUTHENTICATED, status.RESOURCE_EXHAUSTED, undefined]);
    expect([...codes].filter((code) => !expected.has(code))).toEqual([]);
    expect(codes).toContain(status.UNAUTHENTICATED);
  });

  it("thousands that are cancelled immediately", async () => {
    const { server } = await start();
    const session = http2Session(server.port);
    const streams = Array.from({ length: 3000 }, () => rawCall(session, attend));
    for (const stream of streams) stream.close(8);
    session.destroy();
    await once(session, "close");
  });

  it("for methods that do not exist, under any name", async () => {
    const { server } = await start();
    for (const path of [
      "/x",
      "/coxswain.v1.Coordinator/Nothing",
      "/\u00e9\u00ff",
      `/${"y".repeat(4000)}`,
      "/%ff%fe",
      "/\ud800",
    ]) {
      const session = http2Session(server.port);
      await statusOf(rawCall(session, path));
      session.destroy();
    }
  });

  it("with invalid deadlines and encodings", async () => {
    const { server } = await start();
    for (const headers of [
      { "grpc-timeout": "rubbish" },
      { "grpc-timeout": "99999999H" },
      { "grpc-encoding": "br" },
      { "binary-bin": "%%%not base64%%%" },
      { authorization: "Bearer" },
      { authorization: `Bearer ${token}x` },
    ]) {
      const session = http2Session(server.port);
      await statusOf(rawCall(session, attend, headers).end(frame(Buffer.alloc(3))));
      session.destroy();
    }
  });
});

describe("invalid messages with the token are refused", () => {
  const answer = async (body: Buffer, headers: Record<string, string> = {}): Promise<number | undefined> => {
    const { server } = await start();
    const session = http2Session(server.port);
    closers.push(() => session.destroy());
    const stream = rawCall(session, attend, { ...bearer, ...headers });
    stream.write(body);
    return statusOf(stream);
  };

  it("a length of 4 GiB", async () => {
    expect(await answer(frame(Buffer.alloc(100), 0xffff_ffff))).toBe(status.RESOURCE_EXHAUSTED);
  });

  it("a compression bomb", async () => {
    const packed = gzipSync(Buffer.alloc(256 * 1024 * 1024));
    expect(packed.length).toBeLessThan(1024 * 1024);
    expect(await answer(frame(packed, packed.length, 1), { "grpc-encoding": "gzip" })).toBe(status.RESOURCE_EXHAUSTED);
  });

  it("groups nested a hundred thousand deep", async () => {
    expect(await answer(frame(seal(Buffer.alloc(100_000, 99 * 8 + 3))))).not.toBe(status.OK);
    expect(await answer(frame(seal(Buffer.alloc(100_000, 0x7b))))).not.toBe(status.OK);
  });

  it("text with a lone surrogate, which the refusal quotes", async () => {
    const version = Buffer.from([0xed, 0xa0, 0x80]);
    const join = Buffer.concat([Buffer.from([0x08, protocolVersion + 1, 0x12, version.length]), version]);
    const message = Buffer.concat([Buffer.from([0x0a, join.length]), join]);
    expect(await answer(frame(seal(message)))).toBe(status.FAILED_PRECONDITION);
  });
});

const isClosed = async (socket: NodeJS.EventEmitter & { destroyed: boolean }): Promise<void> => {
  if (!socket.destroyed) await once(socket, "close");
};

describe("connections", () => {
  it("that send nothing, or little, are closed", async () => {
    const { server } = await start({ strangerStay: 200 });
    const silent = await rawSocket(server.port);
    const slow = await rawSocket(server.port);
    slow.write(preface.subarray(0, 10));
    const idle = http2Session(server.port);
    await Promise.all([isClosed(silent), isClosed(slow), isClosed(idle)]);
  });

  it("of members stay open, however long they are silent", async () => {
    const { server } = await start({ strangerStay: 200 });
    const stranger = await rawSocket(server.port);
    const client = clientOf(server.port);
    closers.push(() => client.close());
    const stream = client.attend(withToken(token));
    stream.on("error", () => undefined);
    stream.write(joinOf("quiet"));
    await once(stream, "data");
    await isClosed(stranger);
    // A connection that came later than the member's is over; the member's is not.
    const later = await rawSocket(server.port);
    await isClosed(later);
    expect(stream.closed).toBe(false);
    stream.write({ leaving: { reason: "enough" } });
    stream.end();
  });

  it("are limited: of the address that has the most, the oldest gives way", async () => {
    const { server } = await start({ strangers: 4 });
    const honest = await rawSocket(server.port, "127.0.0.3");
    const sockets: Socket[] = [];
    closers.push(() => [honest, ...sockets].forEach((socket) => socket.destroy()));
    for (let index = 0; index < 6; index++) sockets.push(await rawSocket(server.port));
    await Promise.all(sockets.slice(0, 3).map(isClosed));
    await healthCheck(server.port);
    expect(honest.destroyed).toBe(false);
    expect(sockets[5]!.destroyed).toBe(false);
  });

  it("give way first where the address has not presented the token", async () => {
    const { server } = await start({ strangers: 3 });
    const member = http2Session(server.port, "127.0.0.3");
    closers.push(() => member.destroy());
    expect(await statusOf(rawCall(member, attend, bearer).end())).not.toBe(status.UNAUTHENTICATED);
    const known = await Promise.all([1, 2].map(() => rawSocket(server.port, "127.0.0.3")));
    closers.push(() => known.forEach((socket) => socket.destroy()));
    const stranger = await rawSocket(server.port);
    const next = await rawSocket(server.port, "127.0.0.3");
    closers.push(() => next.destroy());
    await isClosed(stranger);
    expect(known.map(({ destroyed }) => destroyed)).toEqual([false, false]);
  });

  it("that send more than a call needs are closed, without their bytes being kept", async () => {
    const { server } = await start();
    const session = http2Session(server.port);
    const body = rawCall(session, check);
    body.write(frame(Buffer.alloc(900_000), 1_000_000));
    await once(session, "close");
  });

  it("that together send more than all may are closed, the largest first", async () => {
    const { server } = await start({ strangersBytes: 150_000, strangerBytes: 100_000 });
    const sessions = [90_000, 50_000, 80_000].map((bytes) => {
      const session = http2Session(server.port);
      rawCall(session, check).write(frame(Buffer.alloc(bytes), 1_000_000));
      return session;
    });
    closers.push(() => sessions.forEach((session) => session.destroy()));
    await once(sessions[0]!, "close");
    expect(sessions[1]!.closed).toBe(false);
  });

  it.each([
    ["unknown methods", "/x/y", "application/grpc"],
    ["unknown methods of a known service", "/coxswain.v1.Coordinator/Nothing", "application/grpc"],
    ["requests that are not gRPC", attend, "text/html"],
  ])("that send %s are closed after a few", async (_, path, type) => {
    const { server } = await start({ connectionRefusals: 3 });
    const session = http2Session(server.port);
    const closed = once(session, "close");
    let answered = 0;
    while (!session.closed && !session.destroyed) {
      const stream = rawCall(session, path, { "content-type": type }).end();
      await Promise.race([closed, once(stream, "close").catch(() => undefined)]);
      answered++;
    }
    expect(answered).toBeLessThanOrEqual(5);
  });

  it("have a limited number of calls, then are closed", async () => {
    const { server } = await start({ strangerCalls: 3 });
    const session = http2Session(server.port);
    const codes: (number | undefined)[] = [];
    for (let index = 0; index < 4; index++)
      codes.push(await statusOf(rawCall(session, check).end(frame(Buffer.alloc(0)))));
    expect(codes.slice(0, 3)).toEqual([status.OK, status.OK, status.OK]);
    await isClosed(session);
  });

  it("of one address may call the health service so often, however many they are", async () => {
    const { server } = await start({ openCallBurst: 3, openCallRate: 0.001 });
    const codes: (number | undefined)[] = [];
    for (let index = 0; index < 4; index++) {
      const session = http2Session(server.port);
      codes.push(await statusOf(rawCall(session, check).end(frame(Buffer.alloc(0)))));
      session.destroy();
    }
    expect(codes).toEqual([status.OK, status.OK, status.OK, status.RESOURCE_EXHAUSTED]);
  });
});

describe("guessing the token", () => {
  it("slows the address down for a while, and no other address, and no connection that has presented it", async () => {
    const { server } = await start({ refusals: 5, slowedFor: 400, slowedRate: 1 });
    const member = http2Session(server.port);
    closers.push(() => member.destroy());
    const pull = (from: typeof member): Promise<number | undefined> =>
      statusOf(rawCall(from, "/coxswain.v1.Coordinator/PullReplica", bearer).end(frame(seal(Buffer.alloc(0)))));
    // Not a member of the run, but of those who know the token.
    expect(await pull(member)).toBe(status.PERMISSION_DENIED);
    for (let index = 0; index < 5; index++) {
      const session = http2Session(server.port);
      expect(await statusOf(rawCall(session, attend, { authorization: `Bearer ${index}` }))).toBe(
        status.UNAUTHENTICATED,
      );
      session.destroy();
    }
    const slowedAt = performance.now();
    // One may still connect.
    const sockets = await Promise.all([1, 2, 3].map(() => rawSocket(server.port)));
    closers.push(() => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.slice(1).map(isClosed));
    expect(await pull(member)).toBe(status.PERMISSION_DENIED);
    // Others: the honest worker of this test's end comes while it lasts.
    const worker = new HonestWorker(server.port, token, "first", size);
    await once(worker.control, "data");
    worker.control.cancel();
    await worker.finished.catch(() => undefined);
    worker.close();
    const back = async (): Promise<void> => {
      const session = http2Session(server.port);
      try {
        expect(await pull(session)).toBe(status.PERMISSION_DENIED);
      } finally {
        session.destroy();
      }
    };
    await vi.waitFor(back, { timeout: 60_000, interval: 20 });
    expect(performance.now() - slowedAt).toBeGreaterThan(0);
    expect(elsewhere).not.toBe("127.0.0.1");
  });
});
