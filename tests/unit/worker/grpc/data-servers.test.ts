/** Where a worker's own server listens, as its coordinator moves. */
import { afterEach, describe, expect, it } from "vitest";
import { DataServers } from "../../../../src/worker/grpc/data-servers.js";

let servers: DataServers | undefined;
afterEach(() => servers?.close());

describe("a worker whose next coordinator is on another host", () => {
  it("is reachable from there: it listens again, and keeps its port while nothing changes", async () => {
    servers = new DataServers({ listen: undefined, tls: undefined });
    const near = await servers.reachableFrom("127.0.0.1");
    expect(await servers.reachableFrom("127.0.0.1")).toBe(near);
    const far = await servers.reachableFrom("192.0.2.7");
    expect(far).not.toBe(near);
    expect(await servers.reachableFrom("192.0.2.8")).toBe(far);
    expect(await servers.reachableFrom("2001:db8::7")).not.toBe(far);
  });

  it("listens on the requested address, wherever its coordinator is", async () => {
    servers = new DataServers({ listen: "127.0.0.1:0", tls: undefined });
    const near = await servers.reachableFrom("127.0.0.1");
    expect(await servers.reachableFrom("192.0.2.7")).toBe(near);
  });
});
