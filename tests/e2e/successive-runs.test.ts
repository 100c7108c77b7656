/** One worker process for two successive runs: nothing of the first reaches the second. */
import { describe, expect, it } from "vitest";
import { clusterRun, startCoordinator, startWorker, untilStep } from "../support/cluster.js";
import { coxswain } from "../support/processes.js";
import { adapterBytes, eventLines } from "../support/runs.js";

const steps = 6;
const first = { training: { adam_beta1: 0.5, adam_beta2: 0.9, adam_epsilon: 1e-3, weight_decay: 0.3 } };

describe("a worker that outlives its coordinator", () => {
  it.each([
    ["other AdamW settings", { training: { adam_beta1: 0.9, adam_beta2: 0.999, weight_decay: 0.01 } }],
    ["another seed and bfloat16 sums", { run: { seed: 7 }, cluster: { all_reduce_dtype: "bfloat16" } }],
    ["nf4", { run: { quantization: "nf4" } }],
  ])("computes the next run with that run's settings: %s", async (_, overrides) => {
    const before = await clusterRun({ steps: 1000, ...first });
    const next = await clusterRun({ steps, ...overrides });
    const alone = await clusterRun({ steps, ...overrides });

    const coordinator = startCoordinator(before.file);
    const worker = startWorker(before.address, "--http", "none");
    await untilStep(coordinator, 3);
    coordinator.killAll();
    await coordinator.finished;
    // The next run, where the last one was.
    const successor = startCoordinator(next.file, "--listen", before.address);
    expect((await successor.finished).code).toBe(0);
    expect((await worker.finished).code).toBe(0);

    expect(eventLines(next.output).filter(({ event }) => event === "replica_resynchronised")).toEqual([]);
    expect((await coxswain(["train", alone.file])).code).toBe(0);
    expect(adapterBytes(next.output).equals(adapterBytes(alone.output))).toBe(true);
  });
});
