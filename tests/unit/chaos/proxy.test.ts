/** These tests protect: cuts that are cuts, one flipped byte and not two, and a network that is whole again. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Proxy } from "../../../src/chaos/proxy.js";
import type { Flip } from "../../../src/chaos/proxy.js";

let server: Server;
let proxy: Proxy;
let accepted: Socket[];
const clients: Socket[] = [];

/** A server that sends back what it gets. */
beforeEach(async () => {
  accepted = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on("error", () => undefined).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const target = { host: "127.0.0.1", port };
  proxy = await Proxy.open([{ listen: { host: "127.0.0.1", port: 0 }, target, worker: "client" }]);
});

afterEach(async () => {
  await proxy.close();
  for (const socket of [...clients.splice(0), ...accepted]) socket.destroy();
  server.close();
});

async function client(): Promise<Socket> {
  const socket = connect(proxy.ports[0]!, "127.0.0.1");
  clients.push(socket);
  await once(socket, "connect");
  return socket;
}

/** Resolves with how it broke, or with nothing where it ended in peace. */
function closed(socket: Socket): Promise<string | undefined> {
  let code: string | undefined;
  socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
  return new Promise((resolve) => socket.once("close", () => resolve(code)));
}

/** The next `length` bytes. */
async function bytes(socket: Socket, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let got = 0;
  while (got < length) {
    const [part] = (await once(socket, "data")) as [Buffer];
    parts.push(part);
    got += part.length;
  }
  return Buffer.concat(parts);
}

/** Resolves when nothing has come, though whatever was on its way had a round trip on another connection to do so. */
async function expectSilence(socket: Socket): Promise<void> {
  let heard = 0;
  const listen = (): void => {
    heard++;
  };
  socket.on("data", listen);
  const probe = createServer((end) => end.pipe(end)).listen(0, "127.0.0.1");
  await once(probe, "listening");
  const other = connect((probe.address() as { port: number }).port, "127.0.0.1");
  for (let trip = 0; trip < 20; trip++) {
    other.write("x");
    await once(other, "data");
  }
  other.destroy();
  probe.close();
  socket.off("data", listen);
  expect(heard).toBe(0);
}

const pattern = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, index) => index * 7));

describe("a proxy", () => {
  it("forwards everything in both directions", async () => {
    const socket = await client();
    const sent = pattern(3_000_000);
    socket.write(sent);
    expect((await bytes(socket, sent.length)).equals(sent)).toBe(true);
  });

  it("forwards the end of a stream to the other end", async () => {
    const socket = await client();
    socket.end("goodbye");
    expect(String(await bytes(socket, 7))).toBe("goodbye");
    await once(socket, "end");
  });

  it("resets the connection if nothing listens behind it", async () => {
    server.close();
    const socket = connect(proxy.ports[0]!, "127.0.0.1");
    expect(await closed(socket)).toBe("ECONNRESET");
  });

  it("forwards a reset to the worker", async () => {
    const socket = await client();
    socket.write("hello");
    await bytes(socket, 5);
    accepted[0]!.resetAndDestroy();
    expect(await closed(socket)).toBe("ECONNRESET");
  });
});

describe("a silent cut", () => {
  it("holds data without notifying either end, and delivers everything when it is over", async () => {
    const socket = await client();
    socket.write("before");
    expect(String(await bytes(socket, 6))).toBe("before");
    proxy.cut("silent");
    socket.write("meanwhile");
    await expectSilence(socket);
    proxy.heal();
    expect(String(await bytes(socket, 9))).toBe("meanwhile");
  });

  it("holds new connections too", async () => {
    proxy.cut("silent");
    const socket = await client();
    socket.write("hello");
    await expectSilence(socket);
    expect(accepted).toEqual([]);
    proxy.heal();
    expect(String(await bytes(socket, 5))).toBe("hello");
  });

  it("hides a closed end from the other until it is over", async () => {
    const socket = await client();
    socket.write("hello");
    await bytes(socket, 5);
    proxy.cut("silent");
    accepted[0]!.resetAndDestroy();
    await expectSilence(socket);
    expect(socket.destroyed).toBe(false);
    const broken = closed(socket);
    proxy.heal();
    expect(await broken).toBe("ECONNRESET");
  });
});

describe("a cut by reset", () => {
  it("resets connections and refuses new ones until it is healed", async () => {
    const socket = await client();
    socket.write("hello");
    await bytes(socket, 5);
    const broken = closed(socket);
    proxy.cut("reset");
    expect(await broken).toBe("ECONNRESET");
    expect(await closed(connect(proxy.ports[0]!, "127.0.0.1"))).toBe("ECONNRESET");
    proxy.heal();
    const whole = await client();
    whole.write("again");
    expect(String(await bytes(whole, 5))).toBe("again");
  });
});

describe("tampering", () => {
  it("changes exactly one byte, in the requested direction", async () => {
    const socket = await client();
    const flips: Flip[] = [];
    proxy.tamper({ direction: "to-worker", place: 0.5, mask: 0x40 }, (flip) => flips.push(flip));
    const sent = pattern(100);
    socket.write(sent);
    const got = await bytes(socket, 100);
    expect(flips).toEqual([{ byte: 50, of: 100 }]);
    expect([...got].map((byte, index) => byte ^ sent[index]!)).toEqual(
      Array.from({ length: 100 }, (_, index) => (index === 50 ? 0x40 : 0)),
    );
    socket.write(sent);
    expect((await bytes(socket, 100)).equals(sent)).toBe(true);
  });

  it("does not change the other direction", async () => {
    const socket = await client();
    const flips: Flip[] = [];
    proxy.tamper({ direction: "from-worker", place: 0, mask: 1 }, (flip) => flips.push(flip));
    accepted[0]?.write("x");
    socket.write(Buffer.from([4, 4]));
    expect([...(await bytes(socket, 2))]).toEqual([5, 4]);
    expect(flips).toEqual([{ byte: 0, of: 2 }]);
  });
});
