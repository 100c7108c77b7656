/** The output folder: files of the user and of earlier runs in it, and what a failed start leaves. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, goldenFolder, smallRun, stepLines } from "../support/runs.js";

const golden = join(goldenFolder, "llama");

/** Every file below a folder, with its content. */
function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), readFileSync(path, "latin1")];
    }),
  );
}

describe("a run whose output_dir holds files of the user", () => {
  it("keeps the user's run.yaml when output_dir is ./", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, smallRun({ output_dir: "./" }));
    appendFileSync(file, "# a comment of mine\n");
    const before = readFileSync(file, "utf8");
    expect((await coxswain(["train", file])).code).toBe(0);
    expect((await coxswain(["train", file, "--resume"])).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(readFileSync(join(folder, "resolved.yaml"), "utf8")).toMatch(/^# Written by Coxswain: /);
  });

  // Every other file: tests/unit/output/claim.test.ts.
  it.each([
    { path: "resolved.yaml", text: "mine\n" },
    { path: "metrics.jsonl", text: '{"step": 1, "train/loss": 2.5}\n' },
    // Of the right name, and of the wrong kind.
    { path: "adapter", text: "mine\n" },
  ])("leaves $path unchanged and names it, with and without --resume", async ({ path, text }) => {
    const folder = temporaryFolder();
    const file = writeRun(folder, smallRun());
    mkdirSync(join(folder, "out"));
    writeFileSync(join(folder, "out", path), text);
    const before = contentOf(folder);
    for (const flags of [[], ["--resume"]]) {
      const { code, stderr } = await coxswain(["train", file, ...flags]);
      expect(stderr).toContain(`output_dir: ${join(folder, "out")} already holds ${path}`);
      expect(stderr).toContain("which Coxswain did not write");
      expect(code).toBe(2);
    }
    expect(contentOf(folder)).toEqual(before);
  });

  it("does not write through a symbolic link", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, smallRun());
    mkdirSync(join(folder, "out"));
    writeFileSync(join(folder, "theirs.jsonl"), "");
    symlinkSync(join(folder, "theirs.jsonl"), join(folder, "out", "metrics.jsonl"));
    const { code, stderr } = await coxswain(["train", file]);
    expect(stderr).toContain("already holds metrics.jsonl, which Coxswain did not write");
    expect(code).toBe(2);
    expect(readFileSync(join(folder, "theirs.jsonl"), "utf8")).toBe("");
  });

  it("trains beside unrelated files and leaves them unchanged", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, smallRun());
    mkdirSync(join(folder, "out", "notes"), { recursive: true });
    writeFileSync(join(folder, "out", "notes", "README.md"), "mine\n");
    writeFileSync(join(folder, "out", "run.yaml"), "mine: true\n");
    expect((await coxswain(["train", file])).code).toBe(0);
    expect(contentOf(join(folder, "out"))).toMatchObject({ "notes/README.md": "mine\n", "run.yaml": "mine: true\n" });
  });
});

describe("a folder written by an earlier release", () => {
  const heading = "# The run with every default, as it was started.";

  it("resumes to the same bits", async () => {
    const folder = temporaryFolder();
    const whole = writeRun(folder, smallRun({ output_dir: "whole" }), "whole.yaml");
    expect((await coxswain(["train", whole])).code).toBe(0);
    const output = join(folder, "out");
    const file = writeRun(folder, smallRun({ training: { save_steps: 1 } }));
    expect((await coxswain(["train", file])).code).toBe(0);
    rmSync(join(output, "adapter"), { recursive: true });
    rmSync(join(output, "checkpoints", "step-000002"), { recursive: true });
    const resolved = readFileSync(join(output, "resolved.yaml"), "utf8");
    rmSync(join(output, "resolved.yaml"));
    writeFileSync(join(output, "run.yaml"), resolved.replace(/^.*\n/, `${heading}\n`));
    const state = join(output, "checkpoints", "step-000001", "trainer_state.json");
    const { settings, ...older } = JSON.parse(readFileSync(state, "utf8")) as { settings: object };
    expect(settings).toMatchObject({ "training.max_steps": 2 });
    writeFileSync(state, JSON.stringify(older));

    const changed = await coxswain(["train", file, "--resume", "--set", "training.learning_rate=1e-3"]);
    expect(changed.stderr).toContain("training.learning_rate: 0.0002 then, 0.001 now");
    expect((await coxswain(["train", file, "--resume"])).code).toBe(0);
    expect(adapterBytes(output).equals(adapterBytes(join(folder, "whole")))).toBe(true);
    expect(stepLines(output).map(({ step }) => step)).toEqual([1, 2]);
    expect(readFileSync(join(output, "run.yaml"), "utf8")).toMatch(new RegExp(`^${heading}`));
  });
});

describe("a failed start leaves no file, when", () => {
  /** Every way to fail before the first step that needs nothing but files. */
  const failures: Record<string, { overrides: object; says: RegExp; code: number }> = {
    "the data do not exist": { overrides: { data: { train: "none.jsonl" } }, says: /none\.jsonl/, code: 3 },
    "the evaluation set does not exist": {
      overrides: { data: { eval: "none.jsonl" } },
      says: /none\.jsonl/,
      code: 3,
    },
    "the data are not JSON": { overrides: { data: { train: "bad.jsonl" } }, says: /bad\.jsonl:1/, code: 3 },
    "the model does not exist": { overrides: { model: "./none" }, says: /none/, code: 4 },
    "a target matches nothing": { overrides: { lora: { target_modules: ["query"] } }, says: /query/, code: 4 },
    "the adapter to start from does not exist": {
      overrides: { lora: { init_adapter: "none" } },
      says: /none/,
      code: 4,
    },
    "the chat template does not exist": {
      overrides: { data: { chat_template: "none.jinja" } },
      says: /chat_template.*none\.jinja/,
      code: 2,
    },
    "a TLS file does not exist": {
      overrides: { cluster: { tls: { cert: "none.pem", key: "none.pem" } } },
      says: /none\.pem/,
      code: 2,
    },
    "there is neither token nor TLS": { overrides: { cluster: { listen: "0.0.0.0:0" } }, says: /token/, code: 2 },
    "the address is not of this machine": {
      overrides: { cluster: { listen: "192.0.2.1:0", token: "0123456789abcdef" } },
      says: /cluster\.listen: cannot listen on 192\.0\.2\.1:0/,
      code: 5,
    },
    "the schedule is impossible": {
      overrides: { training: { lr_scheduler_kwargs: { min_lr: 1 } } },
      says: /min_lr/,
      code: 2,
    },
  };

  it.each(Object.entries(failures))("%s", async (_, { overrides, says, code }) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "bad.jsonl"), "{\n");
    const file = writeRun(folder, smallRun({ output_dir: "runs/deep/out", ...overrides }));
    const started = await coxswain(["train", file]);
    expect(started.stderr).toMatch(says);
    expect(started.code).toBe(code);
    expect(readdirSync(folder).sort()).toEqual(["bad.jsonl", "run.yaml"]);
  });

  it("a port is in use, which is checked before the data are read", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      for (const overrides of [{ cluster: { listen: taken } }, { telemetry: { http: taken } }]) {
        const folder = temporaryFolder();
        const { code, stdout, stderr } = await coxswain(["train", writeRun(folder, smallRun(overrides))]);
        expect(stderr).toMatch(/(cluster\.listen|telemetry\.http): .*in use/);
        expect(stdout).not.toContain("reading the data");
        expect(code).toBe(5);
        expect(readdirSync(folder)).toEqual(["run.yaml"]);
      }
    } finally {
      server.close();
    }
  });

  it("the folder existed before, which stays unchanged", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, smallRun());
    expect((await coxswain(["train", file])).code).toBe(0);
    const before = contentOf(folder);
    const changed = await coxswain(["train", file, "--resume", "--set", "seed=7"]);
    expect(changed.stderr).toContain("seed: 42 then, 7 now");
    expect((await coxswain(["train", file, "--resume", "--set", "data.train=none.jsonl"])).code).toBe(3);
    expect((await coxswain(["train", file])).code).toBe(2);
    expect(contentOf(folder)).toEqual(before);
  });
});

describe("--resume with other settings", () => {
  let folder = "";
  let file = "";
  beforeAll(async () => {
    folder = temporaryFolder();
    cpSync(join(golden, "train.jsonl"), join(folder, "train.jsonl"));
    file = writeRun(folder, smallRun({ data: { train: "train.jsonl" } }));
    expect((await coxswain(["train", file])).code).toBe(0);
  });

  it.each([
    {
      name: "one setting",
      sets: ["training.learning_rate=1e-3"],
      says: ["training.learning_rate: 0.0002 then, 0.001 now"],
    },
    {
      name: "several",
      sets: ["lora.r=8", "seed=3", "lora.target_modules=[q_proj]"],
      says: ["lora.r: 4 then, 8 now", "seed: 42 then, 3 now", 'lora.target_modules: "all-linear" then, ["q_proj"] now'],
    },
    {
      name: "the number of steps and another one",
      sets: ["training.max_steps=9", "seed=3"],
      says: ["seed: 42 then, 3 now", "training.max_steps: 2 then, 9 now"],
    },
    { name: "the model", sets: [`model=${join(goldenFolder, "qwen3", "model")}`], says: ["model: ", "qwen3/model"] },
    {
      name: "the data",
      sets: [`data.train=${join(goldenFolder, "qwen3", "train.jsonl")}`],
      says: ["data.train: ", "qwen3/train.jsonl"],
    },
  ])("names $name with old and new value, and what may change", async ({ sets, says }) => {
    const { code, stderr } = await coxswain(["train", file, "--resume", ...sets.flatMap((set) => ["--set", set])]);
    for (const text of says) expect(stderr).toContain(text);
    expect(stderr).toMatch(/These may change freely: workers, .*logging_steps.*telemetry, and cluster/);
    expect(code).toBe(2);
  });

  it("continues with other logging, saving, workers and telemetry", async () => {
    const sets = ["training.save_steps=7", "training.logging_steps=2", "workers=2", "telemetry.http=127.0.0.1:0"];
    const { code } = await coxswain(["train", file, "--resume", ...sets.flatMap((set) => ["--set", set])]);
    expect(code).toBe(0);
  });

  it("names files whose content has changed", async () => {
    const path = join(folder, "train.jsonl");
    renameSync(path, `${path}.before`);
    writeFileSync(path, readFileSync(`${path}.before`, "utf8").split("\n").slice(1).join("\n"));
    const { code, stderr } = await coxswain(["train", file, "--resume"]);
    renameSync(`${path}.before`, path);
    expect(stderr).toMatch(/the training data has changed: the files of data\.train/);
    expect(code).toBe(2);
  });
});

it("the log contains what was logged before the folder existed", async () => {
  const folder = temporaryFolder();
  const file = writeRun(folder, smallRun());
  expect((await coxswain(["train", file])).code).toBe(0);
  expect(existsSync(join(folder, "out", "logs", "coordinator.log"))).toBe(true);
  expect(readFileSync(join(folder, "out", "logs", "coordinator.log"), "utf8")).toContain('"msg":"run_started"');
});
