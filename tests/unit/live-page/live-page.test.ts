/** These tests protect: a page that follows the run, and tells strangers no more than it should. */
import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { Snapshot, Update } from "../../../src/live-page/messages.js";
import { LiveRun, runStatus, stepLine, workerStatus } from "../../support/live-run.js";

const runs: LiveRun[] = [];
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.close()));
});

function start(options?: ConstructorParameters<typeof LiveRun>[0]): LiveRun {
  const run = new LiveRun(options);
  runs.push(run);
  return run;
}

/** Server-sent events as they come. */
async function* messages(url: string): AsyncGenerator<{ event: string; data: unknown }> {
  const response = await fetch(url);
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end))!;
      yield { event: event!, data: JSON.parse(data!) as unknown };
      text = text.slice(end + 2);
    }
  }
}

const get = (address: string, path: string, headers: Record<string, string> = {}) =>
  new Promise<number | undefined>((resolve, reject) => {
    const [hostname, port] = address.split(":");
    request({ hostname, port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once("error", reject)
      .end();
  });

describe("the live page", () => {
  it("allows only its own script and style and requests to its own origin", async () => {
    const address = await start().serve();
    const response = await fetch(`http://${address}/`);
    const html = await response.text();
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = response.headers.get("content-security-policy")!;
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+'; connect-src 'self';/);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    // Nothing is asked for from elsewhere, and what is bundled says whose it is.
    expect(html.match(/\b(?:src|href)="[^"]*"/g)).toEqual(['href="data:,"']);
    expect(html.includes("Copyright (c) 2025, Leon Sorokin")).toBe(true);
  });

  it("serves its data as JSON", async () => {
    const run = start({
      status: runStatus({ step: 2, seconds_left: 49, workers: [workerStatus("a"), workerStatus("b", { late: true })] }),
    });
    run.record.step(stepLine(1));
    run.record.step(stepLine(2));
    run.record.evaluation({ step: 2, eval_loss: 0.75 });
    run.record.event({ time: "2026-01-01T00:00:00.000Z", event: "worker_joined", worker: "a" });
    const snapshot = (await (await fetch(`http://${await run.serve()}/live.json`)).json()) as Snapshot;
    expect(snapshot).toMatchObject({
      status: { run: "assistant", model: "model", state: "training", step: 2, totalSteps: 100, secondsLeft: 49 },
      steps: [
        { step: 1, loss: 1, learningRate: 1e-4, gradNorm: 0.5, tokensPerSecond: 2000 },
        { step: 2, loss: 0.5 },
      ],
      evaluations: [{ step: 2, loss: 0.75 }],
      events: [{ id: 1, event: "worker_joined", details: { worker: "a" } }],
    });
    expect(snapshot.status.workers).toEqual([
      { id: "a", state: "active", late: false, device: "cpu", tokensPerSecond: 1000 },
      { id: "b", state: "active", late: true, device: "cpu", tokensPerSecond: 1000 },
    ]);
  });

  it("streams changes, and finally the outcome of the run", async () => {
    const run = start();
    run.record.step(stepLine(1));
    const stream = messages(`http://${await run.serve()}/live`);
    const next = async () => (await stream.next()).value as { event: string; data: unknown };
    const first = await next();
    expect([first.event, (first.data as Snapshot).steps.length]).toEqual(["snapshot", 1]);
    run.record.step(stepLine(2));
    run.change({ step: 2 });
    const second = (await next()).data as Update;
    expect(second.status.step).toBe(2);
    expect(second.steps!.points.at(-1)).toMatchObject({ step: 2, loss: 0.5 });
    run.change({ state: "completed" });
    run.page.close();
    const last = (await next()).data as Update;
    expect(last).toMatchObject({ status: { state: "completed" } });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(run.watched).toBe(false);
  });

  it("shows reasons on this machine, but no path, host, process or free text to the network", async () => {
    const status = runStatus({
      state: "failed",
      detail: "/secret/path is full on secret-host",
      checkpoint: { step: 1, path: "/secret/path/step-1", time: "2026-01-01T00:00:00.000Z" },
      workers: [workerStatus("a")],
    });
    const told = async (audience: "machine" | "network"): Promise<string> => {
      const run = start({ status, audience });
      const time = "2026-01-01T00:00:00.000Z";
      run.record.event({ time, event: "worker_joined", worker: "a", host: "secret-host", pid: 4711 });
      run.record.event({ time, event: "checkpoint_saved", step: 1, seconds: 0.1, path: "/secret/path/step-1" });
      run.record.event({ time, event: "run_failed", error: "/secret/path is full" });
      return (await fetch(`http://${await run.serve()}/live.json`)).text();
    };
    expect(await told("network")).not.toMatch(/secret|4711|full/);
    expect(await told("network")).toContain('"event":"checkpoint_saved","details":{"step":1,"seconds":0.1}');
    expect(await told("machine")).toContain("is full on secret-host");
  });

  it("rejects foreign host names on loopback (DNS rebinding)", async () => {
    const address = await start().serve();
    const port = address.split(":")[1]!;
    for (const path of ["/", "/live.json", "/live", "/metrics", "/healthz", "/readyz", "/none"]) {
      expect(await get(address, path, { host: "evil.example" }), path).toBe(403);
      expect(await get(address, path, { host: `evil.example:${port}` }), path).toBe(403);
    }
    for (const host of ["localhost", `localhost:${port}`, "127.0.0.1", `[::1]:${port}`])
      expect(await get(address, "/live.json", { host }), host).toBe(200);
    expect(await get(address, "/metrics", { host: `127.0.0.1:${port}` })).toBe(200);
  });

  it("rejects a 65th page, and accepts it once another is closed", async () => {
    const address = await start().serve();
    const pages = Array.from({ length: 64 }, () => messages(`http://${address}/live`));
    await Promise.all(pages.map((page) => page.next()));
    expect(await get(address, "/live")).toBe(503);
    expect(await get(address, "/live.json")).toBe(200);
    await pages[0]!.return(undefined);
    await expect.poll(() => get(address, "/live")).toBe(200);
  });
});
