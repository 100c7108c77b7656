/** Promise 1: the same adapter, to the bit, however many workers there are and whatever happens to them. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, eventLines, quickstartData, quickstartModel, stepLines } from "../support/runs.js";

const steps = 8;

const run = (workers: number, overrides: object = {}): object => ({
  model: quickstartModel,
  output_dir: "out",
  workers,
  data: { train: join(quickstartData, "train.jsonl"), max_length: 256 },
  // Dropout, so that its draws are covered by the promise, too.
  lora: { r: 8, lora_dropout: 0.1 },
  training: {
    max_steps: steps,
    global_batch_size: 20,
    micro_batch_size: 2,
    learning_rate: 3e-3,
    save_steps: 2,
    warmup_steps: 2,
    ...overrides,
  },
  cluster: { listen: "127.0.0.1:0", min_workers: workers },
  telemetry: { http: null },
});

async function train(workers: number): Promise<string> {
  const folder = temporaryFolder();
  const { code, stderr } = await coxswain(["train", writeRun(folder, run(workers))]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return join(folder, "out");
}

describe("the adapter", () => {
  let reference: Buffer;
  let losses: number[];

  beforeAll(async () => {
    const output = await train(1);
    reference = adapterBytes(output);
    losses = stepLines(output).map(({ loss }) => loss);
  });

  it("learns something in these steps, so that equal bits mean something", () => {
    expect(losses).toHaveLength(steps);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 1);
  });

  it.each([2, 3, 5])("is the same with %d workers", async (workers) => {
    const output = await train(workers);
    expect(adapterBytes(output).equals(reference)).toBe(true);
    expect(stepLines(output).map(({ loss }) => loss)).toEqual(losses);
  });

  it("is the same when a worker is killed in the middle of a step", async () => {
    const folder = temporaryFolder();
    const process_ = new CoxswainProcess(["train", writeRun(folder, run(2))]);
    await process_.until(/\bstep\s+3\b|\b3\/8\b/);
    const output = join(folder, "out");
    const [victim] = eventLines(output).filter(({ event }) => event === "worker_joined");
    process.kill(victim!["pid"] as number, "SIGKILL");
    const { code } = await process_.finished;
    expect(code).toBe(0);
    expect(eventLines(output).map(({ event }) => event)).toContain("worker_left");
    expect(adapterBytes(output).equals(reference)).toBe(true);
    expect(stepLines(output).map(({ loss }) => loss)).toEqual(losses);
  });

  it("is the same after kill -9 of everything and --resume", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, run(2));
    const first = new CoxswainProcess(["train", file]);
    await first.until(/\bstep\s+5\b|\b5\/8\b/);
    first.killAll();
    await first.finished;
    const output = join(folder, "out");
    expect(readdirSync(join(output, "checkpoints")).length).toBeGreaterThan(0);
    // The last line is whole, even after a kill.
    expect(readFileSync(join(output, "metrics.jsonl"), "utf8").endsWith("}\n")).toBe(true);

    const { code, stderr } = await coxswain([
      "train",
      file,
      "--resume",
      "--workers",
      "1",
      "--set",
      "cluster.min_workers=1",
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(adapterBytes(output).equals(reference)).toBe(true);
    expect(stepLines(output).map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
    expect(stepLines(output).map(({ loss }) => loss)).toEqual(losses);
  });

  it("is the same after Ctrl-C, which finishes the step and saves, and --resume", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, run(2, { save_steps: 100 }));
    const first = new CoxswainProcess(["train", file]);
    await first.until(/\bstep\s+3\b|\b3\/8\b/);
    first.signal("SIGINT");
    const { code, stdout } = await first.finished;
    expect(code).toBe(130);
    expect(stdout).toMatch(/go on with: npx coxswain train .*run\.yaml --resume/);
    const { code: resumed } = await coxswain(["train", file, "--resume"]);
    expect(resumed).toBe(0);
    expect(adapterBytes(join(folder, "out")).equals(reference)).toBe(true);
  });

  it("is not there after Ctrl-C twice, which stops at once", async () => {
    const folder = temporaryFolder();
    const first = new CoxswainProcess(["train", writeRun(folder, run(1, { max_steps: 1000 }))]);
    await first.until(/\bstep\s+2\b|\b2\/1000\b/);
    first.signal("SIGINT");
    await first.until(/Ctrl-C again/);
    first.signal("SIGINT");
    const { code } = await first.finished;
    expect(code).toBe(130);
  });
});
