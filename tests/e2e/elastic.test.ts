/** Workers and coordinators that join, leave, freeze and are killed: the same adapter, and every committed step is kept. */
import { beforeAll, describe, expect, it } from "vitest";
import { clusterRun, startCoordinator, startWorker, untilStep } from "../support/cluster.js";
import type { ClusterOptions } from "../support/cluster.js";
import { adapterBytes, eventLines, stepLines } from "../support/runs.js";

const steps = 10;

/** The adapter and losses of a run that nothing happens to. */
async function undisturbed(options: ClusterOptions): Promise<{ adapter: Buffer; losses: number[] }> {
  const { file, output, address } = await clusterRun(options);
  const coordinator = startCoordinator(file);
  startWorker(address);
  const { code, stderr } = await coordinator.finished;
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return { adapter: adapterBytes(output), losses: stepLines(output).map(({ loss }) => loss) };
}

const eventNames = (output: string): string[] => eventLines(output).map(({ event }) => event);

describe("the adapter", () => {
  let reference: Awaited<ReturnType<typeof undisturbed>>;
  beforeAll(async () => {
    reference = await undisturbed({ steps });
  });

  function expectSame(output: string): void {
    expect(adapterBytes(output).equals(reference.adapter)).toBe(true);
    expect(stepLines(output).map(({ loss }) => loss)).toEqual(reference.losses);
    expect(stepLines(output).map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  }

  it("is the same when workers join late, drain and are killed", async () => {
    const { file, output, address } = await clusterRun({ steps });
    const coordinator = startCoordinator(file);
    const first = startWorker(address);
    await untilStep(coordinator, 2);
    startWorker(address);
    await coordinator.until(/2 workers/);
    first.signal("SIGTERM");
    expect((await first.finished).code).toBe(130);
    const third = startWorker(address);
    await untilStep(coordinator, 7);
    third.killAll();
    expect((await coordinator.finished).code).toBe(0);
    expectSame(output);
    const reasons = eventLines(output)
      .filter(({ event }) => event === "worker_left")
      .map(({ reason }) => reason);
    expect(reasons).toContain("drained");
  });

  it("is the same when a worker freezes, others take over its shards, and it takes part again", async () => {
    const { file, output, address } = await clusterRun({ steps, cluster: { min_workers: 2 } });
    const coordinator = startCoordinator(file);
    const workers = [startWorker(address), startWorker(address)];
    await untilStep(coordinator, 3);
    workers[0]!.signal("SIGSTOP");
    await untilStep(coordinator, 6);
    workers[0]!.signal("SIGCONT");
    expect((await coordinator.finished).code).toBe(0);
    expectSame(output);
    // It never left: it was told what it had missed.
    const names = eventNames(output);
    expect(names.slice(0, names.indexOf("run_finished"))).not.toContain("worker_left");
  });

  it("is the same when the coordinator is killed and recovers from the workers' replicas", async () => {
    const { file, output, address } = await clusterRun({ steps });
    const workers = [startWorker(address), startWorker(address)];
    for (const [index, step] of [3, 6, 8].entries()) {
      const coordinator = startCoordinator(file, ...(index > 0 ? ["--resume"] : []));
      await untilStep(coordinator, step);
      coordinator.killAll();
      await coordinator.finished;
    }
    // One that does not know them is no reason to go: they took part in this run.
    const stranger = startCoordinator(file, "--resume", "--set", "cluster.token=another");
    await Promise.all(workers.map((worker) => worker.until(/refused this worker; trying again/)));
    stranger.killAll();
    await stranger.finished;
    const last = startCoordinator(file, "--resume");
    expect((await last.finished).code).toBe(0);
    for (const worker of workers) expect((await worker.finished).code).toBe(0);
    expectSame(output);
    const recovered = eventLines(output).filter(({ event }) => event === "run_recovered");
    expect(recovered.map(({ step }) => step)).toHaveLength(3);
    // There was no checkpoint at all: every step that was committed came from a worker.
    expect(recovered.map(({ step }) => (step as number) >= 3)).toEqual([true, true, true]);
  });

  it("is the same in the mesh when a worker is killed", async () => {
    const { file, output, address } = await clusterRun({ steps, cluster: { all_reduce: "mesh", min_workers: 3 } });
    const coordinator = startCoordinator(file);
    const workers = [startWorker(address), startWorker(address), startWorker(address)];
    await untilStep(coordinator, 4);
    workers[1]!.killAll();
    startWorker(address);
    expect((await coordinator.finished).code).toBe(0);
    expectSame(output);
    expect(eventNames(output)).not.toContain("mesh_failed");
  });
});
