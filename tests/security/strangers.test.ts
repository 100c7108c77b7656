/** What strangers can do to a coordinator, without the token: nothing that a run notices. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { frame } from "../support/hostile.js";
import { AttackedRun, expectUnharmed, token } from "../support/security/attacked-run.js";
import {
  over,
  overAndOver,
  reflectionFlood,
  reflectionPath,
  request,
  session,
  silentConnections,
} from "../support/security/attacks.js";
import type { Place } from "../support/security/attacks.js";

const health = "/grpc.health.v1.Health/Check";
const bearer = { authorization: `Bearer ${token}` };

let run: AttackedRun;
beforeAll(async () => {
  run = await AttackedRun.start();
});

/** So many addresses of this machine, none of which the workers have. */
const places = (addresses: number, each = 1): Place[] =>
  Array.from({ length: addresses * each }, (_, index) => ({
    port: run.port,
    from: `127.0.0.${2 + (index % addresses)}`,
  }));

/** Calls of a connection at the same time. */
const calls = (count: number, call: () => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, call));

describe("steps, probes, memory and workers are unharmed by", () => {
  it("calls to unknown methods", async () => {
    const attack = (signal: AbortSignal) =>
      overAndOver(places(4), signal, (on) => calls(100, () => over(request(on, "/x/y").end())));
    expectUnharmed(await run.under(attack));
  });

  it("requests that are not gRPC", async () => {
    const html = { "content-type": "text/html" };
    const attack = (signal: AbortSignal) =>
      overAndOver(places(4), signal, (on) => calls(100, () => over(request(on, health, html).end())));
    expectUnharmed(await run.under(attack));
  });

  it("calls that are refused for their token", async () => {
    const attend = "/coxswain.v1.Coordinator/Attend";
    const attack = (signal: AbortSignal) =>
      overAndOver(places(4), signal, (on) => calls(100, () => over(request(on, attend).end())));
    expectUnharmed(await run.under(attack));
  });

  it("health calls without end", async () => {
    const empty = frame(Buffer.alloc(0));
    const attack = (signal: AbortSignal) =>
      overAndOver(places(4), signal, (on) => calls(100, () => over(request(on, health).end(empty))));
    expectUnharmed(await run.under(attack));
  });

  it("messages that never end, on 128 calls of 8 connections", async () => {
    const partial = frame(Buffer.alloc(900_000), 1_000_000);
    const call = (on: Parameters<typeof request>[0]): Promise<void> => {
      const stream = request(on, health);
      stream.write(partial);
      return over(stream);
    };
    const attack = (signal: AbortSignal) => overAndOver(places(8), signal, (on) => calls(128, () => call(on)));
    expectUnharmed(await run.under(attack));
  });

  it("questions to the reflection service, even with the token", async () => {
    const attack = (signal: AbortSignal) => overAndOver(places(1), signal, (on) => reflectionFlood(on, true, bearer));
    expectUnharmed(await run.under(attack));
  });

  it("1,024 silent connections from 8 addresses, and a worker joins meanwhile", async () => {
    const over = new AbortController();
    await silentConnections(places(8, 128), over.signal);
    const start = performance.now();
    run.addWorker();
    await run.untilWorkers(3);
    // It starts, loads the model and takes part; before, connecting alone took 12 to 29 s.
    expect(performance.now() - start).toBeLessThan(12_000);
    over.abort();
    expect(run.dropped).toBe(0);
  });
});

describe("reflection", () => {
  it("is not served without a token", async () => {
    const open = await AttackedRun.start({ withToken: false, workers: 1 });
    const on = session({ port: open.port, from: "127.0.0.2" });
    const stream = request(on, reflectionPath);
    const status = await new Promise((resolve) => stream.on("response", (headers) => resolve(headers["grpc-status"])));
    expect(Number(status)).toBe(12);
    on.destroy();
  });
});

afterAll(async () => {
  expect(await run.endsWithTheSameBits()).toBe(true);
});
