/** The same adapter, to the bit, with any number of workers and after Ctrl-C. Kills: tests/promises/, elastic.test.ts. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, comparedRun, stepLines } from "../support/runs.js";

async function train(workers: number): Promise<string> {
  const folder = temporaryFolder();
  const { code, stderr } = await coxswain(["train", writeRun(folder, comparedRun(workers))]);
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
    const file = writeRun(folder, comparedRun(2, { save_steps: 100 }));
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
    const first = new CoxswainProcess(["train", writeRun(folder, comparedRun(1, { max_steps: 1000 }))]);
    await first.until(/\bstep\s+2\b|\b2\/1000\b/);
    first.signal("SIGINT");
    await first.until(/Ctrl-C again/);
    first.signal("SIGINT");
    const { code } = await first.finished;
    expect(code).toBe(130);
  });
});
