/** Several workers of one host, one process per GPU. The GPUs here are names; the workers compute on the CPU. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, smallRun, stepLines } from "../support/runs.js";

const run = (cluster: object): object =>
  smallRun({
    training: { max_steps: 4, global_batch_size: 12, micro_batch_size: 2, learning_rate: 0.01 },
    cluster,
    telemetry: { http: "127.0.0.1:0" },
  });

describe("coxswain worker --devices", () => {
  it("starts one worker per GPU: the adapter of one worker, and all end with the run", async () => {
    const alone = temporaryFolder();
    expect((await coxswain(["train", writeRun(alone, run({}))])).code).toBe(0);

    const folder = temporaryFolder();
    const coordinator = new CoxswainProcess(["coordinator", writeRun(folder, run({ min_workers: 3 }))]);
    const [, address] = await coordinator.until(/listening on ([^\s,]+)/);
    const words = ["worker", "--coordinator", address!, "--http", "none", "--device", "cpu", "--devices", "all"];
    const workers = await coxswain(words, { env: { CUDA_VISIBLE_DEVICES: "0,1,4" } });
    expect(workers.stderr).toContain("workers on GPUs 0, 1, 4, one process per GPU");
    expect(workers.stderr.match(/the worker on GPU [014] ended \(exit code 0\)/g)).toHaveLength(3);
    expect(workers.code).toBe(0);
    expect((await coordinator.finished).code).toBe(0);
    expect(stepLines(`${folder}/out`).map(({ workers: count }) => count)).toEqual([3, 3, 3, 3]);
    expect(adapterBytes(`${folder}/out`).equals(adapterBytes(`${alone}/out`))).toBe(true);
  });

  it("refuses an unknown GPU and lists those that exist", async () => {
    const words = ["worker", "--coordinator", "127.0.0.1:9", "--devices", "0,7"];
    const { code, stderr } = await coxswain(words, { env: { CUDA_VISIBLE_DEVICES: "0,1" } });
    expect([code, existsSync("out")]).toEqual([2, false]);
    expect(stderr).toBe("error: --devices: there is no GPU 7\nhint: There are: 0, 1.\n");
  });

  it("reports a killed worker, does not restart it, and exits with its code", async () => {
    const folder = temporaryFolder();
    const coordinator = new CoxswainProcess(["coordinator", writeRun(folder, run({ min_workers: 3 }))]);
    const [, address] = await coordinator.until(/listening on ([^\s,]+)/);
    // Two of the three that the run waits for.
    const words = ["worker", "--coordinator", address!, "--http", "none", "--device", "cpu", "--devices", "0,1"];
    const workers = new CoxswainProcess(words, { env: { CUDA_VISIBLE_DEVICES: "0,1" } });
    const [, pid] = await workers.until(/"pid":(\d+),[^\n]*the model is open[^]*the model is open/);
    process.kill(Number(pid), "SIGKILL");
    await workers.until(/the worker on GPU [01] ended \(SIGKILL\); 1 still running/);
    workers.signal("SIGTERM");
    expect((await workers.finished).code).toBe(137);
    coordinator.killAll();
  });
});
