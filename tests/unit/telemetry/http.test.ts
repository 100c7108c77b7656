/** These tests protect: Prometheus can scrape, and Kubernetes can tell ready from not ready and from broken. */
import { request } from "node:http";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  createCoordinatorMetrics,
  serveTelemetry,
  type TelemetryOptions,
  type TelemetryServer,
} from "../../../src/telemetry/index.js";
import { parseExposition } from "./exposition.js";

describe("the telemetry server", () => {
  const open: TelemetryServer[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });

  const metrics = createCoordinatorMetrics("1.2.3");
  const start = async (options: Partial<TelemetryOptions> = {}): Promise<TelemetryServer> => {
    const server = await serveTelemetry({ address: "127.0.0.1:0", metrics, ready: () => true, ...options });
    open.push(server);
    return server;
  };

  it("serves metrics that Prometheus reads", async () => {
    metrics.step.set(12);
    const { address } = await start();
    const response = await fetch(`http://${address}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const families = parseExposition(await response.text());
    expect(families.get("coxswain_step")?.series.get("coxswain_step")).toBe(12);
  });

  it("selects a free port for port 0 and reports it", async () => {
    const { address, host, port } = await start();
    expect(host).toBe("127.0.0.1");
    expect(port).toBeGreaterThan(0);
    expect(address).toBe(`127.0.0.1:${port}`);
  });

  it("tells a probe whether it is ready, and why not", async () => {
    let ready: boolean | string = "waiting for 2 more workers";
    const { address } = await start({ ready: () => ready });
    const probe = async () => {
      const response = await fetch(`http://${address}/readyz`);
      return [response.status, await response.text()];
    };
    expect(await probe()).toEqual([503, "not ready: waiting for 2 more workers\n"]);
    ready = false;
    expect(await probe()).toEqual([503, "not ready\n"]);
    ready = true;
    expect(await probe()).toEqual([200, "ready\n"]);
  });

  it("is healthy, unless told otherwise, whether or not it is ready", async () => {
    const sound = await start({ ready: () => false });
    expect((await fetch(`http://${sound.address}/healthz`)).status).toBe(200);
    const broken = await start({ healthy: () => "no commit for 20 min" });
    const response = await fetch(`http://${broken.address}/healthz`);
    expect([response.status, await response.text()]).toEqual([503, "not healthy: no commit for 20 min\n"]);
  });

  it("answers HEAD without a body, rejects other methods, and lists its pages", async () => {
    const { address } = await start();
    const head = await fetch(`http://${address}/metrics?x=1`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(100);
    const post = await fetch(`http://${address}/metrics`, { method: "POST", body: "x" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    for (const path of ["/", "/toString", "/metrics/", "//"]) {
      const missing = await fetch(`http://${address}${path}`);
      expect([missing.status, await missing.text()], path).toEqual([
        404,
        "not found; available: /metrics, /healthz, /readyz\n",
      ]);
    }
  });

  it("serves additional pages, and ends their streams when it closes", async () => {
    const server = await start({
      pages: [
        { path: "/", answer: () => ({ status: 200, headers: { "Content-Type": "text/html" }, body: "<p>hello</p>" }) },
        {
          path: "/stream",
          answer: () => ({ status: 200, headers: {}, body: (response) => void response.write("first") }),
        },
      ],
    });
    const page = await fetch(`http://${server.address}/`);
    expect([await page.text(), page.headers.get("content-type")]).toEqual(["<p>hello</p>", "text/html"]);
    expect(await (await fetch(`http://${server.address}/none`)).text()).toBe(
      "not found; available: /metrics, /healthz, /readyz, /, /stream\n",
    );
    const head = await fetch(`http://${server.address}/stream`, { method: "HEAD" });
    expect(await head.text()).toBe("");
    const reader = (await fetch(`http://${server.address}/stream`)).body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value as Uint8Array)).toBe("first");
    await server.close();
    await expect(reader.read()).rejects.toThrow();
  });

  it("knows at its end whether it is being scraped", async () => {
    const server = await start();
    const { address } = server;
    const never = new AbortController().signal;
    expect(server.lastScrape(never)).toBeUndefined();
    for (const path of ["/healthz", "/healthz", "/metrics"]) await (await fetch(`http://${address}${path}`)).text();
    expect(server.lastScrape(never)).toBeUndefined();
    await (await fetch(`http://${address}/metrics`)).text();
    const leaving = new AbortController();
    const waiting = server.lastScrape(leaving.signal);
    expect(waiting).toBeInstanceOf(Promise);
    leaving.abort();
    await waiting;
  });

  it("reports that metrics cannot be collected, and keeps serving", async () => {
    const failing = { contentType: "text/plain", text: () => Promise.reject(new Error("no")) };
    const { address } = await start({ metrics: failing });
    expect((await fetch(`http://${address}/metrics`)).status).toBe(500);
    expect((await fetch(`http://${address}/healthz`)).status).toBe(200);
  });

  it("closes even if a scraper keeps its connection", async () => {
    const server = await serveTelemetry({ address: "127.0.0.1:0", metrics, ready: () => true });
    const ended = new Promise<void>((resolve, reject) => {
      const call = request(
        { host: server.host, port: server.port, path: "/healthz", headers: { connection: "keep-alive" } },
        (response) => {
          response.socket.once("close", () => resolve());
          response.resume().once("end", () => void server.close());
        },
      );
      call.once("error", reject);
      call.end();
    });
    await ended;
    await expect(fetch(`http://${server.address}/healthz`)).rejects.toThrow();
  });

  it("names the key, the port and the alternatives when the port is in use", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port));
    });
    try {
      await expect(start({ address: `127.0.0.1:${port}` })).rejects.toMatchObject({
        code: "network",
        exitCode: 5,
        message: `telemetry.http: port ${port} of 127.0.0.1:${port} is in use`,
        hint: "Set telemetry.http to another port, to port 0 for a free one, or to null for no metrics.",
      });
    } finally {
      taken.close();
    }
  });

  it("names a foreign address, and an invalid one", async () => {
    await expect(start({ address: "192.0.2.1:9464" })).rejects.toMatchObject({
      code: "network",
      message: "telemetry.http: cannot listen on 192.0.2.1:9464: not an address of this machine",
    });
    await expect(start({ address: "9464", name: "--telemetry" })).rejects.toMatchObject({
      code: "config",
      message: '--telemetry: "9464" is not HOST:PORT',
    });
  });
});
