/** What people ask of a running coordinator, without a network: an honest worker trains meanwhile. */
import { afterEach, describe, expect, it } from "vitest";
import type { RunStatus } from "../../../src/control/index.js";
import { HonestWorker, trainToTheEnd } from "../../support/hostile.js";
import { startHarness } from "../../support/service-harness.js";
import type { Harness } from "../../support/service-harness.js";

const token = "5ecret";
const size = 16;
const totalSteps = 12;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(): Promise<Harness> {
  const server = await startHarness({ token, size, totalSteps });
  closers.push(() => server.close());
  return server;
}

function join(server: Harness): HonestWorker {
  const worker = new HonestWorker(server.server.port, token, "honest", size);
  // Not every test lets it train to the end.
  worker.finished.catch(() => undefined);
  closers.push(() => worker.close());
  return worker;
}

/** How the run is as soon as it is so. */
function until({ control }: Harness, isSo: (status: RunStatus) => boolean): Promise<RunStatus> {
  return new Promise((resolve) => {
    const look = (): void => {
      const status = control.status();
      if (!isSo(status)) return;
      end();
      resolve(status);
    };
    const end = control.watch(look);
    look();
  });
}

describe("a run that was paused, saved and resumed", () => {
  it("has the same bits as an uninterrupted one, and commits nothing while it is paused", async () => {
    const undisturbed = await trainToTheEnd(await start(), token, size);
    const server = await start();
    const worker = join(server);
    await until(server, ({ step }) => step >= 2);
    expect((await server.control.pause("ann@laptop")).state).toMatch(/^paus(ing|ed)$/);
    const paused = await until(server, ({ state }) => state === "paused");
    expect(paused.detail).toBe(`paused after step ${paused.step} by ann@laptop`);
    expect(await server.metrics.text()).toContain("\ncoxswain_paused 1\n");
    const saved = await Promise.all([server.control.checkpoint(), server.control.checkpoint()]);
    expect(saved).toMatchObject([{ step: paused.step, path: "nowhere" }, { step: paused.step }]);
    expect(server.control.status()).toEqual({
      ...paused,
      checkpoint: { ...saved[0], time: "1970-01-01T00:00:00.000Z" },
    });
    expect((await server.control.resume()).state).toBe("training");
    expect(await worker.finished).toBe(true);
    expect(server.replica.hash()).toBe(undisturbed);
    expect(server.events.filter(({ event }) => event.startsWith("run_"))).toMatchObject([
      { event: "run_paused", step: paused.step, by: "ann@laptop" },
      { event: "run_resumed", step: paused.step },
      { event: "run_finished" },
    ]);
    expect(await server.metrics.text()).toContain("\ncoxswain_paused 0\n");
  });

  it("saves its newest step when it is stopped", async () => {
    const server = await start();
    const worker = join(server);
    await until(server, ({ step }) => step >= 1);
    await server.control.pause();
    const { step } = await until(server, ({ state }) => state === "paused");
    const stopping = await server.control.stop("asked to by ann@laptop");
    expect(stopping).toMatchObject({ state: "stopping", detail: "asked to by ann@laptop", step });
    await expect(server.control.resume()).rejects.toMatchObject({
      code: "cluster",
      hint: expect.anything() as unknown,
    });
    expect(await worker.finished).toBe(false);
    expect(server.control.status()).toMatchObject({ state: "stopped", step, checkpoint: { step } });
    expect(await server.control.checkpoint()).toMatchObject({ step });
  });
});

describe("the status of a run", () => {
  it("is plain JSON with progress, speed and workers", async () => {
    const server = await start();
    const waiting = server.control.status();
    expect(waiting).toMatchObject({ state: "waiting", detail: "waiting for workers: 0 of 1 are ready", loss: null });
    join(server);
    await until(server, ({ step }) => step >= 1);
    await server.control.pause();
    const status = await until(server, ({ state, loss }) => state === "paused" && loss !== null);
    expect(JSON.parse(JSON.stringify(status))).toEqual(status);
    expect(status).toMatchObject({
      run_id: "test-run",
      run_digest: "digest",
      output_dir: "/runs/test",
      model: "test/model",
      total_steps: totalSteps,
      epoch: 1,
      loss: 1,
      learning_rate: 0.1,
      evaluation: null,
      all_reduce: "star",
    });
    expect(status.seconds_left).toBeCloseTo(status.seconds_per_step! * (totalSteps - status.step));
    expect(status.workers).toMatchObject([
      {
        id: "honest",
        host: "h",
        pid: expect.any(Number) as number,
        state: "active",
        engine: "onnx",
        device: "cpu",
        shards_held: 0,
        shards_done: 0,
      },
    ]);
    // 0.01 s a shard of one token.
    expect(status.workers[0]?.tokens_per_second).toBeCloseTo(100);
  });
});
