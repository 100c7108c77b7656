/** The same adapter, to the bit, with any number of workers and after Ctrl-C. Kills: tests/promises/, elastic.test.ts. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, quickstartData, quickstartModel, stepLines } from "../support/runs.js";

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

  it.each([2, 5])("is the same with %d workers", async (workers) => {
    const output = await train(workers);
    expect(adapterBytes(output).equals(reference)).toBe(true);
    expect(stepLines(output).map(({ loss }) => loss)).toEqual(losses);
  });

  it("is the same after Ctrl-C, which saves the finished step, and --resume", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, run(2, { save_steps: 100 }));
    const first = new CoxswainProcess(["train", file]);
    await first.until(/\bstep\s+3\b|\b3\/8\b/);
    first.signal("SIGINT");
    const { code, stdout } = await first.finished;
    expect(code).toBe(130);
    expect(stdout).toMatch(/continue with: npx coxswain train .*run\.yaml --resume/);
    const { code: resumed } = await coxswain(["train", file, "--resume"]);
    expect(resumed).toBe(0);
    expect(adapterBytes(join(folder, "out")).equals(reference)).toBe(true);
  });

  it("is not written after Ctrl-C twice, which stops immediately", async () => {
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
