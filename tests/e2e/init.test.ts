/** `coxswain init` over real processes: what it writes is a run file that can be trained unchanged. */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { coxswain, temporaryFolder } from "../support/processes.js";
import { quickstartData, quickstartModel } from "../support/runs.js";

describe("init --yes, in a folder with a model and data", () => {
  const folder = temporaryFolder();
  const run = join(folder, "run.yaml");
  let printed = "";

  beforeAll(async () => {
    cpSync(quickstartModel, join(folder, "model"), { recursive: true });
    cpSync(quickstartData, join(folder, "data"), { recursive: true });
    const { code, stdout, stderr } = await coxswain(["init", run, "--yes"]);
    expect(code, stderr).toBe(0);
    printed = stdout;
  });

  it("finds both, and chooses settings from them", () => {
    expect(parse(readFileSync(run, "utf8"))).toMatchObject({
      model: "./model",
      output_dir: "runs/my-run",
      data: { train: "data/train.jsonl", eval: "data/eval.jsonl", max_length: 64 },
      // 5e-4 * (2000 / 192) ** 0.781 = 3.12e-3
      training: { learning_rate: 3.1e-3, warmup_ratio: 0.05, global_batch_size: 16 },
    });
  });

  it("names the source of the learning rate in a comment", () => {
    expect(readFileSync(run, "utf8")).toContain("LoRA Without Regret");
  });

  it("prints commands that the file passes unchanged", async () => {
    expect(printed).toMatch(/preview .*run\.yaml\n.*lr-find .*run\.yaml\n.*train .*run\.yaml\n$/);
    for (const command of [
      ["preview", run],
      ["doctor", run],
      ["train", run, "--set", "training.max_steps=2", "--set", "cluster.listen=127.0.0.1:0"],
    ]) {
      const { code, stderr } = await coxswain(command);
      expect(code, stderr).toBe(0);
    }
  });

  it("never overwrites a file", async () => {
    const before = readFileSync(run, "utf8");
    const { code, stderr } = await coxswain(["init", run, "--yes"]);
    expect(code).toBe(2);
    expect(stderr).toContain("exists, and is not overwritten");
    expect(readFileSync(run, "utf8")).toBe(before);
  });
});

describe("init refuses, and writes nothing,", () => {
  const target = (): string => join(temporaryFolder(), "run.yaml");

  it("if nobody can be asked, naming the missing flags", async () => {
    const run = target();
    const { code, stderr } = await coxswain(["init", run, "--model", quickstartModel]);
    expect(code).toBe(2);
    expect(stderr).toContain("stdin is not a terminal, and there is no --data, --eval, --output-dir");
    expect(existsSync(run)).toBe(false);
  });

  it.each([
    ["data that do not exist", ["--model", quickstartModel, "--data", "none.jsonl"], 3, "none.jsonl"],
    ["a model that does not exist", ["--model", "./none", "--data", join(quickstartData, "train.jsonl")], 4, "none"],
    [
      "evaluation data that do not exist",
      ["--model", quickstartModel, "--data", join(quickstartData, "train.jsonl"), "--eval", "gone.jsonl"],
      3,
      "gone.jsonl",
    ],
  ])("%s", async (_, flags, expected, name) => {
    const run = target();
    const { code, stderr } = await coxswain(["init", run, "--yes", ...flags]);
    expect(code).toBe(expected);
    expect(stderr).toContain(name);
    expect(existsSync(run)).toBe(false);
  });

  it("an empty data file", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "train.jsonl"), "");
    const run = join(folder, "run.yaml");
    const { code } = await coxswain(["init", run, "--yes", "--model", quickstartModel]);
    expect(code).toBe(3);
    expect(existsSync(run)).toBe(false);
  });
});
