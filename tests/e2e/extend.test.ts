/** Training on: with more steps in the same run, or in a new run from its adapter. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import type { Finished } from "../support/processes.js";
import { adapterBytes, smallRun, stepLines } from "../support/runs.js";

let folder: string;
let file: string;
const train = (output: string, ...args: string[]): Promise<Finished> =>
  coxswain(["train", file, "--set", `output_dir=${output}`, ...args]);
const at = (output: string): string => join(folder, output);
const stepsAre = (number: number): string[] => ["--set", `training.max_steps=${number}`];

beforeAll(async () => {
  folder = temporaryFolder();
  file = writeRun(folder, smallRun({ training: { lr_scheduler_type: "constant", learning_rate: 1e-3 } }));
  expect(await train("short", ...stepsAre(2))).toMatchObject({ code: 0, stderr: "" });
});

describe("a finished run", () => {
  it("that is extended has the adapter of a run that had so many steps from the start", async () => {
    expect(await train("long", ...stepsAre(4))).toMatchObject({ code: 0, stderr: "" });
    const extended = await train("short", ...stepsAre(4), "--resume");
    expect(extended).toMatchObject({ code: 0, stderr: "" });
    expect(extended.stdout).toContain("the run has 4 steps now");
    expect(adapterBytes(at("short")).equals(adapterBytes(at("long")))).toBe(true);
    const losses = (output: string): number[] => stepLines(at(output)).map(({ loss }) => loss);
    expect(losses("short")).toEqual(losses("long"));
  });

  it("whose earlier steps would have had other learning rates is left unchanged, with the reason", async () => {
    const cosine = ["--set", "training.lr_scheduler_type=cosine"];
    expect(await train("cosine", ...stepsAre(2), ...cosine)).toMatchObject({ code: 0 });
    const before = adapterBytes(at("cosine"));
    const { code, stderr } = await train("cosine", ...stepsAre(4), ...cosine, "--resume");
    expect(code).toBe(2);
    expect(stderr).toContain(
      "step 2 of the schedule cosine would have had the learning rate 8.5355e-4, but it was trained with 5.0000e-4",
    );
    expect(adapterBytes(at("cosine")).equals(before)).toBe(true);
  });
});

describe("--init-from", () => {
  it("starts from the adapter of a run, an adapter folder or a checkpoint, as lora.init_adapter does", async () => {
    const reference = await train("by-key", "--set", `lora.init_adapter=${join(at("short"), "adapter")}`);
    expect(reference).toMatchObject({ code: 0, stderr: "" });
    for (const [index, from] of ["", "adapter", "checkpoints/step-000004"].entries()) {
      const started = await train(`from-${index}`, "--init-from", join(at("short"), from));
      expect(started).toMatchObject({ code: 0, stderr: "" });
      expect(adapterBytes(at(`from-${index}`)).equals(adapterBytes(at("by-key")))).toBe(true);
    }
  });

  it("names what is wrong before anything is written", async () => {
    const { code, stderr } = await train("nothing", "--init-from", folder);
    expect(code).toBe(2);
    expect(stderr).toContain(
      `--init-from ${folder}: neither the output folder of a run, nor an adapter or a checkpoint`,
    );
    expect(existsSync(at("nothing"))).toBe(false);
  });
});
