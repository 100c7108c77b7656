/** A machine whose environment names a proxy: which connections use it. */
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { HttpProxy } from "../support/http-proxy.js";
import type { HttpProxyOptions } from "../support/http-proxy.js";
import { adapterBytes, smallRun } from "../support/runs.js";

/** Nothing listens there. */
const deadEnd = "http://127.0.0.1:9/";

const run = (cluster: object = {}): object =>
  smallRun({
    workers: 2,
    training: { max_steps: 4, global_batch_size: 12, micro_batch_size: 2 },
    compute: { threads: 1 },
    cluster,
  });

const proxies: HttpProxy[] = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

async function startProxy(options?: HttpProxyOptions): Promise<HttpProxy> {
  const proxy = await HttpProxy.start(options);
  proxies.push(proxy);
  return proxy;
}

async function startCoordinator(file: string, env: Record<string, string> = {}) {
  const process = new CoxswainProcess(["coordinator", file], { env });
  const [, port = ""] = await process.until(/listening on 127\.0\.0\.1:(\d+)/);
  return { process, port };
}

describe("a run on a machine with proxy variables", () => {
  it("trains with local workers although every variable names a dead proxy", async () => {
    const folder = temporaryFolder();
    const variables = ["http_proxy", "https_proxy", "grpc_proxy", "HTTPS_PROXY", "ALL_PROXY"];
    const env = Object.fromEntries(variables.map((variable) => [variable, deadEnd]));
    const { code, stderr } = await coxswain(["train", writeRun(folder, run())], { env });
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("answers status, pause and stop without the proxy", async () => {
    const env = { http_proxy: deadEnd, https_proxy: deadEnd, grpc_proxy: deadEnd };
    const { process, port } = await startCoordinator(writeRun(temporaryFolder(), run()), env);
    for (const command of ["status", "pause", "stop"]) {
      const { code, stderr } = await coxswain([command, "--coordinator", `127.0.0.1:${port}`], { env });
      expect(stderr).toBe("");
      expect(code).toBe(0);
    }
    await process.finished;
  });

  it("connects its local workers without the proxy also with cluster.proxy: environment", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, run({ proxy: "environment" }));
    expect((await coxswain(["train", file], { env: { http_proxy: deadEnd } })).code).toBe(0);
  });

  it("refuses an unsupported proxy with cluster.proxy: environment, without printing its password", async () => {
    const file = writeRun(temporaryFolder(), run({ proxy: "environment" }));
    const env = { grpc_proxy: "socks5://user:very-secret@127.0.0.1:1080" };
    const { code, stderr } = await coxswain(["train", file], { env });
    expect(stderr).toMatch(/socks5:\/\/127\.0\.0\.1:1080 \(grpc_proxy\).*not supported/);
    expect(stderr).not.toContain("very-secret");
    expect(code).toBe(2);
  });
});

describe("cluster.proxy: environment", () => {
  it.each(["star", "mesh"])(
    "sends all traffic of the cluster through the proxy, to the same bits (%s)",
    async (allReduce) => {
      const alone = temporaryFolder();
      expect((await coxswain(["train", writeRun(alone, run())])).code).toBe(0);

      const proxy = await startProxy({ credentials: "user:p@ss" });
      const env = { http_proxy: `http://user:p%40ss@127.0.0.1:${proxy.port}` };
      const folder = temporaryFolder();
      const cluster = {
        proxy: "environment",
        min_workers: 2,
        all_reduce: allReduce,
        // They call from the proxy's address.
        data_networks: ["one.test", "two.test"],
      };
      const { process, port } = await startCoordinator(writeRun(folder, run(cluster)), env);
      const worker = (name: string): Promise<{ code: number | null }> =>
        coxswain(
          [
            ...["worker", "--coordinator", `coordinator.test:${port}`, "--proxy", "environment", "--http", "none"],
            ...["--listen", "127.0.0.1:0", "--advertise", name],
          ],
          { env },
        );
      const workers = await Promise.all([worker("one.test"), worker("two.test")]);
      expect(workers.map(({ code }) => code)).toEqual([0, 0]);
      expect((await process.finished).code).toBe(0);
      const hosts = new Set(proxy.asked.map((target) => target.split(":")[0]));
      expect([...hosts].sort()).toEqual(["coordinator.test", "one.test", "two.test"]);
      // The star pulls once from each; in the mesh workers pull from each other, too.
      const toWorkers = proxy.asked.filter((target) => !target.startsWith("coordinator"));
      expect(toWorkers.length).toBeGreaterThanOrEqual(allReduce === "mesh" ? 4 : 2);
      expect(adapterBytes(join(folder, "out")).equals(adapterBytes(join(alone, "out")))).toBe(true);
    },
  );

  it.each(["no_proxy", "NO_PROXY"])("connects directly to what %s names", async (variable) => {
    const proxy = await startProxy();
    const env = { https_proxy: `http://127.0.0.1:${proxy.port}`, [variable]: "other.test, .test" };
    const asked = await coxswain(["status", "--coordinator", "coordinator.test:7070", "--proxy", "environment"], {
      env,
    });
    expect(asked.stderr).toMatch(/no coordinator at coordinator\.test:7070: the host name cannot be resolved/);
    expect(proxy.asked).toEqual([]);
  });

  it.each([
    ["asks for a password", { credentials: "user:other" }, /requires another user and password \(407\)/],
    ["refuses", { status: 403 }, /refuses the connection \(403\)/],
    ["fails", { status: 502 }, /answers 502/],
  ])("names the proxy without its password when it %s", async (_, options, reason) => {
    const proxy = await startProxy(options);
    const env = { https_proxy: `http://user:very-secret@127.0.0.1:${proxy.port}` };
    const connect = ["--coordinator", "coordinator.test:7070", "--proxy", "environment"];
    const worker = new CoxswainProcess(["worker", ...connect, "--reconnect-timeout", "1", "--http", "none"], { env });
    for (const { code, stderr } of [await coxswain(["status", ...connect], { env }), await worker.finished]) {
      expect(stderr).toMatch(reason);
      expect(stderr).toContain(`http://127.0.0.1:${proxy.port} (https_proxy)`);
      expect(stderr).not.toContain("very-secret");
      expect(code).toBe(5);
    }
  });

  it("names an unreachable proxy", async () => {
    const env = { https_proxy: deadEnd };
    const connect = ["--coordinator", "coordinator.test:7070", "--proxy", "environment"];
    const { code, stderr } = await coxswain(["status", ...connect], { env });
    expect(stderr).toMatch(/the proxy http:\/\/127\.0\.0\.1:9 \(https_proxy\) cannot be reached: ECONNREFUSED/);
    expect(code).toBe(5);
  });
});
