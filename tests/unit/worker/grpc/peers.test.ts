import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { addTo } from "../../../../src/collective/index.js";
import { shardIndex } from "../../../../src/ids.js";
import { PullRefused } from "../../../../src/rpc/index.js";
import type { PeerOutput } from "../../../../src/rpc/index.js";
import { startDataServer } from "../../../../src/worker/grpc/data-server.js";
import type { OpenDataServer } from "../../../../src/worker/grpc/data-server.js";
import type { Served } from "../../../../src/worker/transport.js";
import { Peers } from "../../../../src/worker/grpc/peers.js";
import { gradientLike } from "../../collective/reference.js";

const size = 3000;
const node = { first: shardIndex(0), count: 4 };
const servers: OpenDataServer[] = [];
const opened: Peers[] = [];

const servedOf = (gradient: Float32Array, runId = "run"): Served => ({
  runId,
  dtype: "float32",
  contribution: (_step, wanted) => (wanted.first === 0 ? gradient : undefined),
  slice: (_step, offset, length) => gradient.subarray(offset, offset + length),
  replica: () => undefined,
  hold: () => () => undefined,
  onSent: () => undefined,
});

/** A worker's server, as the coordinator names it to the others. */
async function startPeer(
  workerId: string,
  gradient: Float32Array,
  { runId = "run", tls = false } = {},
): Promise<PeerOutput> {
  const server = await startDataServer({ host: "127.0.0.1", port: 0, tls });
  servers.push(server);
  server.serve(servedOf(gradient, runId));
  const { port, key, certificate } = server;
  return { workerId, address: `127.0.0.1:${port}`, key, certificate: Buffer.from(certificate) };
}

function openPeers(): Peers {
  const peers = new Peers("run", "float32");
  opened.push(peers);
  return peers;
}

afterEach(async () => {
  for (const peers of opened.splice(0)) peers.close();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("under TLS", () => {
  const range = { step: 3, offset: 0, length: size };

  it("a worker pulls from the peer with the announced certificate, whatever its address", async () => {
    const gradient = gradientLike(size, 1);
    const peer = await startPeer("one", gradient, { tls: true });
    const into = new Float32Array(size);
    await openPeers().pullContribution(peer, { ...range, node }, into);
    expect(into).toEqual(gradient);
  });

  it("and from no other, and from none without TLS", async () => {
    const peer = await startPeer("one", gradientLike(size, 1), { tls: true });
    const other = await startPeer("two", gradientLike(size, 2), { tls: true });
    const plain = await startPeer("three", gradientLike(size, 3));
    const pull = (to: PeerOutput): Promise<unknown> => openPeers().pullSlice(to, range, new Float32Array(size));
    const unavailable = { connectionLost: true, cause: { code: status.UNAVAILABLE } };
    await expect(pull({ ...peer, certificate: other.certificate })).rejects.toMatchObject(unavailable);
    await expect(pull({ ...plain, certificate: other.certificate })).rejects.toMatchObject(unavailable);
    await expect(pull({ ...peer, certificate: Buffer.alloc(0) })).rejects.toMatchObject(unavailable);
  });
});

describe("a worker pulls from the others", () => {
  it("parts of contributions and slices, over one connection per peer", async () => {
    const [one, two] = [gradientLike(size, 1), gradientLike(size, 2)];
    const [first, second] = [await startPeer("one", one), await startPeer("two", two)];
    const peers = openPeers();
    const range = { step: 3, offset: 100, length: 50 };
    const [a, b, c] = [new Float32Array(50), new Float32Array(50), new Float32Array(50)];
    await Promise.all([
      peers.pullContribution(first, { ...range, node }, a),
      peers.pullSlice(second, range, b),
      peers.pullContribution(second, { ...range, node }, c, { addend: one.subarray(100, 150) }),
    ]);
    expect(a).toEqual(one.slice(100, 150));
    expect(b).toEqual(two.slice(100, 150));
    const sum = new Float32Array(50);
    addTo(sum, a, b);
    expect(c).toEqual(sum);
    expect(peers.size).toBe(2);
  });

  it("and closes connections that were unused for some steps", async () => {
    const first = await startPeer("one", gradientLike(size, 1));
    const second = await startPeer("two", gradientLike(size, 2));
    const peers = openPeers();
    const pull = (peer: PeerOutput, step: number): Promise<unknown> =>
      peers.pullSlice(peer, { step, offset: 0, length: 10 }, new Float32Array(10));
    await pull(first, 1);
    for (const step of [2, 5, 9]) await pull(second, step);
    expect(peers.size).toBe(2);
    await pull(second, 10);
    expect(peers.size).toBe(1);
    await pull(first, 11);
    expect(peers.size).toBe(2);
  });

  it("with a new key and port after a restart of the peer", async () => {
    const before = await startPeer("one", gradientLike(size, 1));
    const gradient = gradientLike(size, 2);
    const after = await startPeer("one", gradient);
    const peers = openPeers();
    const into = new Float32Array(size);
    for (const peer of [before, after]) await peers.pullSlice(peer, { step: 1, offset: 0, length: size }, into);
    expect(into).toEqual(gradient);
    expect(peers.size).toBe(1);
  });
});

describe("a failed pull reports the reason, and the next one starts anew", () => {
  const range = { step: 1, offset: 0, length: size };

  it("a peer that does not have it, or is in another run", async () => {
    const peer = await startPeer("one", gradientLike(size, 1));
    const other = await startPeer("two", gradientLike(size, 1), { runId: "another run" });
    const peers = openPeers();
    const into = new Float32Array(size);
    const missing = { first: shardIndex(4), count: 1 };
    await expect(peers.pullContribution(peer, { ...range, node: missing }, into)).rejects.toMatchObject({
      connectionLost: false,
      cause: expect.any(PullRefused) as unknown,
    });
    // What is refused for the run ends its stream, which is not kept.
    for (let time = 0; time < 2; time++)
      await expect(peers.pullSlice(other, range, into)).rejects.toMatchObject({
        connectionLost: false,
        cause: { code: status.FAILED_PRECONDITION },
      });
    await peers.pullSlice(peer, range, into);
    expect(peers.size).toBe(2);
  });

  it("a peer that does not listen, until it does", async () => {
    const gradient = gradientLike(size, 1);
    const peer = await startPeer("one", gradient);
    const peers = openPeers();
    const into = new Float32Array(size);
    await servers.pop()?.close();
    await expect(peers.pullSlice(peer, range, into)).rejects.toMatchObject({
      connectionLost: true,
      cause: { code: status.UNAVAILABLE },
    });
    expect(peers.size).toBe(0);
    const [, port] = peer.address.split(":");
    const server = await startDataServer({ host: "127.0.0.1", port: Number(port), tls: false });
    servers.push(server);
    server.serve(servedOf(gradient));
    await peers.pullSlice({ ...peer, key: server.key }, range, into);
    expect(into).toEqual(gradient);
  });

  it("a cancelled pull, before or while it runs", async () => {
    const large = 4 * 1024 * 1024;
    const peer = await startPeer("one", new Float32Array(large));
    const peers = openPeers();
    const pull = (signal: AbortSignal): Promise<unknown> =>
      peers.pullContribution(peer, { ...range, length: large, node }, new Float32Array(large), { signal });
    await expect(pull(AbortSignal.abort())).rejects.toThrow();
    const abort = new AbortController();
    const pulled = pull(abort.signal);
    abort.abort();
    await expect(pulled).rejects.toBe(abort.signal.reason);
    await pull(new AbortController().signal);
  });

  it("a peer that restarts with the same address and key while no pull is pending", async () => {
    const gradient = gradientLike(size, 1);
    const peer = await startPeer("one", gradient);
    const peers = openPeers();
    const into = new Float32Array(size);
    await peers.pullSlice(peer, range, into);
    await servers.pop()?.close();
    const [, port] = peer.address.split(":");
    const server = await startDataServer({ host: "127.0.0.1", port: Number(port), tls: false });
    servers.push(server);
    server.serve({ ...servedOf(gradient), slice: () => gradient.map((value) => value * 2) });
    await peers.pullSlice({ ...peer, key: server.key }, range, into);
    expect(into).toEqual(gradient.map((value) => value * 2));
  });

  it("any pull after the close", async () => {
    const peer = await startPeer("one", gradientLike(size, 1));
    const peers = openPeers();
    peers.close();
    await expect(peers.pullSlice(peer, range, new Float32Array(size))).rejects.toThrow("closed");
  });
});
