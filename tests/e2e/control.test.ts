/** A real run that other processes pause, resume, save and stop has the bits of an undisturbed one. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { RunStatus } from "../../src/control/index.js";
import { clusterRun, startCoordinator, startWorker, untilStep } from "../support/cluster.js";
import { CoxswainProcess, coxswain } from "../support/processes.js";
import { adapterBytes, eventLines, stepLines } from "../support/runs.js";

const steps = 12;
const token = "open-sesame";
/** A run that `train` leads with two workers on a free port. */
const newRun = () =>
  clusterRun({
    steps,
    training: { global_batch_size: 16 },
    cluster: { listen: "127.0.0.1:0", min_workers: 2 },
    run: { workers: 2, telemetry: { http: "127.0.0.1:0" } },
  });

async function statusOf(...args: string[]): Promise<RunStatus> {
  const { code, stdout, stderr } = await coxswain(["status", ...args, "--json"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout) as RunStatus;
}

describe("a controlled run", () => {
  let undisturbed: Buffer;

  beforeAll(async () => {
    const { file, output } = await newRun();
    const { code, stderr } = await coxswain(["train", file]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    undisturbed = adapterBytes(output);
  });

  it("ends with the same bits after pause, checkpoint and resume, and `status --watch` follows it to its end", async () => {
    const { file, output } = await newRun();
    const train = new CoxswainProcess(["train", file]);
    await untilStep(train, 2);
    const watch = new CoxswainProcess(["status", output, "--watch"]);
    const running = await statusOf(output);
    expect(running).toMatchObject({ state: "training", total_steps: steps, output_dir: output, checkpoint: null });
    expect(running.workers).toMatchObject([
      { state: "active", engine: "onnx" },
      { state: "active", engine: "onnx" },
    ]);

    const paused = await coxswain(["pause", file]);
    const [, step] =
      /^paused after step (\d+) by \S+@\S+; continue with: coxswain resume \S+\n$/.exec(paused.stdout) ?? [];
    expect(step).toBeDefined();
    const [, address, http] = await train.until(/listening on (\S+), metrics on (\S+)\/metrics/);
    expect(await (await fetch(`${http}/metrics`)).text()).toContain("\ncoxswain_paused 1\n");
    // It takes workers: a probe is to send them.
    expect((await fetch(`${http}/readyz`)).status).toBe(200);
    const held = await statusOf("--coordinator", address!);
    expect(held).toMatchObject({ state: "paused", step: Number(step) });
    const folder = join(output, "checkpoints", `step-${step!.padStart(6, "0")}`);
    expect((await coxswain(["checkpoint", output])).stdout).toBe(`saved step ${step}: ${folder}\n`);
    expect((await coxswain(["checkpoint", output, "--json"])).stdout).toBe(`{"step":${step},"path":"${folder}"}\n`);
    const later = await statusOf(file);
    expect(later).toMatchObject({ state: "paused", step: Number(step), checkpoint: { path: folder } });
    expect(stepLines(output).at(-1)?.step).toBe(Number(step));
    await train.until(/paused after step \d+/);

    const resumed = await coxswain(["resume", output]);
    expect(resumed.stdout).toContain(`continuing after step ${step} of ${steps}`);
    expect((await train.finished).code).toBe(0);
    expect(adapterBytes(output).equals(undisturbed)).toBe(true);
    const told = eventLines(output).filter(({ event }) => /^run_(paused|resumed)$/.test(event));
    expect(told).toMatchObject([
      { event: "run_paused", by: expect.stringContaining("@") as string },
      { event: "run_resumed" },
    ]);
    const watched = await watch.finished;
    expect(watched.code).toBe(0);
    expect(watched.stdout).toMatch(/\npaused after step .*\ntraining .*\ncompleted {2}step 12\/12 [^\n]*\n$/s);

    const afterwards = await coxswain(["status", output]);
    expect(afterwards).toMatchObject({ code: 0, stderr: "" });
    expect(afterwards.stdout).toMatch(new RegExp(`^completed\\nstep ${steps}/${steps} `));
  });

  it("is followed by `status --watch` when its coordinator is killed and restarted", async () => {
    const { file, output, address } = await clusterRun({ steps: 10_000 });
    const first = startCoordinator(file);
    startWorker(address);
    await untilStep(first, 2);
    const watch = new CoxswainProcess(["status", output, "--watch"]);
    await watch.until(/^training .*step \d/m);
    first.killAll();
    await watch.until(/note: lost the coordinator; reconnecting: /);
    const second = startCoordinator(file, "--resume");
    const seen = watch.stdout.length;
    await untilStep(second, 4);
    await watch.until(new RegExp(`^[^]{${seen}}[^]*training .*step \\d`));
    expect((await coxswain(["stop", output])).code).toBe(0);
    const { code, stdout } = await watch.finished;
    expect(stdout).toMatch(/\nstopped .*\n$/);
    expect(code).toBe(0);
  });

  it("stops while it is paused, only with the token, and --resume ends with the same bits", async () => {
    const { file, output } = await newRun();
    const env = { COXSWAIN_TOKEN: token };
    const train = new CoxswainProcess(["train", file], { env });
    await untilStep(train, 2);
    for (const shown of [[], ["--token", "wrong"]]) {
      const refused = await coxswain(["stop", output, ...shown]);
      expect(refused.code).toBe(5);
      expect(refused.stderr).toMatch(/^error: .*the token is wrong or missing.*\nhint: .*COXSWAIN_TOKEN/);
    }
    expect((await coxswain(["pause", output], { env })).code).toBe(0);
    const { step } = JSON.parse((await coxswain(["status", output, "--json"], { env })).stdout) as RunStatus;
    const stopped = await coxswain(["stop", output], { env });
    const folder = join(output, "checkpoints", `step-${String(step).padStart(6, "0")}`);
    expect(stopped.stdout).toBe(
      `stopped after step ${step} of ${steps}; the checkpoint is ${folder}; continue with --resume\n`,
    );
    expect((await train.finished).code).toBe(130);
    const nobody = await coxswain(["pause", output], { env });
    expect(nobody.stderr).toContain(
      `${output}: this run has no running coordinator\nhint: It was stopped after step ${step}`,
    );
    expect((await coxswain(["train", file, "--resume"], { env })).code).toBe(0);
    expect(adapterBytes(output).equals(undisturbed)).toBe(true);
  });
});
