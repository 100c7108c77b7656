/** A coordinator and workers started separately, as on several machines. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { goldenFolder, smallRun, stepLines } from "../support/runs.js";

const train = join(goldenFolder, "llama", "train.jsonl");
const batch = { global_batch_size: 12, micro_batch_size: 2 };

/** With an evaluation set. */
const run = ({ training, cluster }: { training?: object; cluster?: object }): object =>
  smallRun({
    data: { eval: train },
    training: { max_steps: 6, learning_rate: 0.01, eval_steps: 3, ...batch, ...training },
    telemetry: { http: "127.0.0.1:0" },
    ...(cluster === undefined ? {} : { cluster }),
  });

async function coordinator(overrides: object, env: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const process = new CoxswainProcess(["coordinator", writeRun(folder, run(overrides))], { env });
  const [, address, http] = await process.until(/listening on (\S+), metrics on (http:\S+)\/metrics/);
  return { process, output: join(folder, "out"), address: address!, http: http! };
}

describe("workers that join over the network", () => {
  it("wait for a coordinator that starts later", async () => {
    const { process, address } = await coordinator({});
    process.killAll();
    await process.finished;
    const worker = new CoxswainProcess(["worker", "--coordinator", address, "--http", "none"]);
    await worker.until(/trying again/);
    const folder = temporaryFolder();
    const again = await coxswain(["coordinator", writeRun(folder, run({ cluster: { listen: address } }))]);
    expect(again.stderr).toBe("");
    expect(again.code).toBe(0);
    expect((await worker.finished).code).toBe(0);
  });

  it("leave on SIGTERM, and the run continues with others", async () => {
    const { process, output, address } = await coordinator({
      training: { max_steps: 40 },
    });
    const start = (): CoxswainProcess => new CoxswainProcess(["worker", "--coordinator", address, "--http", "none"]);
    const first = start();
    await process.until(/step\s+2\/40/);
    first.signal("SIGTERM");
    expect((await first.finished).code).toBe(130);
    await process.until(/left: drained/);
    const second = start();
    expect((await process.finished).code).toBe(0);
    expect((await second.finished).code).toBe(0);
    expect(stepLines(output)).toHaveLength(40);
  });
});

describe("metrics and health", () => {
  it("are served by coordinator and workers, with readiness", async () => {
    const { process, address, http } = await coordinator({
      training: { max_steps: 2000, eval_steps: 1 },
    });
    expect((await fetch(`${http}/healthz`)).status).toBe(200);
    const waiting = await fetch(`${http}/readyz`);
    expect(waiting.status).toBe(503);
    expect(await waiting.text()).toMatch(/0 of 1/);

    const worker = new CoxswainProcess(["worker", "--coordinator", address]);
    const [, workerHttp] = await worker.until(/"http":"([^"]+)"/);
    await process.until(/step\s+2\/2000.*\n.*evaluation loss/);
    expect((await fetch(`${http}/readyz`)).status).toBe(200);
    expect((await fetch(`http://${workerHttp}/readyz`)).status).toBe(200);

    const metrics = await (await fetch(`${http}/metrics`)).text();
    for (const pattern of [
      /^coxswain_loss \d/m,
      /^coxswain_eval_loss \d/m,
      /^coxswain_learning_rate \d/m,
      /^coxswain_grad_norm \d/m,
      /^coxswain_step [1-9]/m,
      /^coxswain_steps_total_planned 2000$/m,
      /^coxswain_epoch \d/m,
      /^coxswain_tokens_total\{kind="all"\} [1-9]/m,
      /^coxswain_tokens_total\{kind="supervised"\} [1-9]/m,
      /^coxswain_step_duration_seconds_count\{phase="compute"\} [1-9]/m,
      /^coxswain_workers\{state="active"\} 1$/m,
      /^coxswain_worker_tokens_per_second\{worker="[^"]+"\} [1-9]/m,
      /^coxswain_leases_total\{result="done"\} [1-9]/m,
      /^coxswain_all_reduce_bytes_total\{direction="received"\} [1-9]/m,
      /^coxswain_all_reduce_bytes_total\{direction="sent"\} [1-9]/m,
      /^coxswain_replica_mismatch_total 0$/m,
      /^coxswain_last_commit_timestamp_seconds \d/m,
      /^coxswain_grpc_server_handled_total\{method="coxswain.v1.Coordinator\/PullReplica",code="OK"\} 1$/m,
      /^process_cpu_seconds_total \d/m,
    ])
      expect(metrics).toMatch(pattern);
    const ofWorker = await (await fetch(`http://${workerHttp}/metrics`)).text();
    expect(ofWorker).toMatch(/^coxswain_worker_tokens_total\{kind="all"\} [1-9]/m);
    expect(ofWorker).toMatch(/^coxswain_worker_connected 1$/m);
    expect(ofWorker).toMatch(/^coxswain_worker_connections_total 1$/m);
    expect(ofWorker).toMatch(/^coxswain_worker_apply_duration_seconds_count [1-9]/m);
    expect(ofWorker).toMatch(/^coxswain_worker_all_reduce_bytes_total\{direction="received"\} [1-9]/m);
    expect(ofWorker).toMatch(/^coxswain_worker_all_reduce_bytes_total\{direction="sent"\} [1-9]/m);

    process.signal("SIGTERM");
    expect((await process.finished).code).toBe(130);
    expect((await worker.finished).code).toBe(130);
  });
});
