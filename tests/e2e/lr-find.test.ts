/** `coxswain lr-find` over real processes. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { comparedRun } from "../support/runs.js";

const ramp = ["--from", "1e-4", "--to", "1", "--steps", "10"];

const saved = [join("lr-find", "curve.svg"), join("lr-find", "result.json")] as const;

/** Every file of a folder with the hash of its content. */
function contentsOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  const hash = (name: string): string =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
  return Object.fromEntries(files.sort().map((name) => [name, hash(name)]));
}

/** Workers of range tests in this folder: their logs, possibly deleted since, are their outputs. */
const workersIn = (folder: string): string[] =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/fd/1`).startsWith(join(folder, "out"));
    } catch {
      return false;
    }
  });

describe("lr-find", () => {
  it("has the same bits with one worker and with two, and leaves only its result", async () => {
    const results = await Promise.all(
      [1, 2].map(async (workers) => {
        const folder = temporaryFolder();
        const finished = await coxswain(["lr-find", writeRun(folder, comparedRun(workers)), "--json", ...ramp]);
        expect(Object.keys(contentsOf(join(folder, "out")))).toEqual(saved);
        expect(readFileSync(join(folder, "out", "lr-find", "result.json"), "utf8")).toBe(finished.stdout);
        return finished;
      }),
    );
    const [one, two] = results;
    expect(one?.stdout).toBe(two?.stdout);
    const found = JSON.parse(one?.stdout ?? "") as { points: { learning_rate: number; loss: number }[] };
    expect(found.points[0]?.learning_rate).toBe(1e-4);
    expect(found.points.length).toBeGreaterThan(5);
  });

  it("does not touch a finished run in output_dir, and is replaced by the next test", async () => {
    const folder = temporaryFolder();
    const run = writeRun(folder, comparedRun(1, { max_steps: 1 }));
    expect((await coxswain(["train", run])).code).toBe(0);
    const before = contentsOf(join(folder, "out"));
    for (const steps of ["10", "11"])
      await coxswain(["lr-find", run, "--from", "1e-5", "--to", "1e-1", "--steps", steps]);
    const { [saved[0]]: picture, [saved[1]]: result, ...after } = contentsOf(join(folder, "out"));
    expect(after).toEqual(before);
    expect([picture, result]).not.toContain(undefined);
    expect(JSON.parse(readFileSync(join(folder, "out", "lr-find", "result.json"), "utf8"))).toMatchObject({
      steps: 11,
    });
  });

  it("does not stop a later run from using output_dir", async () => {
    const folder = temporaryFolder();
    const run = writeRun(folder, comparedRun(1, { max_steps: 1 }));
    await coxswain(["lr-find", run, ...ramp]);
    expect((await coxswain(["train", run])).code).toBe(0);
    expect(existsSync(join(folder, "out", "lr-find", "result.json"))).toBe(true);
  });

  it("writes the suggestion into the run file, keeping comments and layout", async () => {
    const folder = temporaryFolder();
    const text = `# mine\n${stringify(comparedRun(1))}`.replace(/learning_rate: .*/, "learning_rate: 0.5 # a guess");
    const run = join(folder, "run.yaml");
    writeFileSync(run, text);
    const { stdout, code } = await coxswain(["lr-find", run, "--write", "--steps", "40"]);
    const rate = /suggestion: training\.learning_rate: (\S+)/.exec(stdout)?.[1] ?? "";
    expect(code).toBe(0);
    expect(Number(rate)).toBeGreaterThan(0);
    expect(readFileSync(run, "utf8")).toBe(text.replace("0.5 # a", `${rate} # a`));
  });

  it("refuses --write if the learning rate comes from --set, before it trains", async () => {
    const folder = temporaryFolder();
    const run = writeRun(folder, comparedRun(1));
    const before = readFileSync(run, "utf8");
    const finished = await coxswain(["lr-find", run, "--write", "--set", "training.learning_rate=1e-4"]);
    expect(finished).toMatchObject({ code: 2, stdout: "" });
    expect(finished.stderr).toContain("--set training.learning_rate=1e-4 overrides it");
    expect(readFileSync(run, "utf8")).toBe(before);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("leaves no process and no file behind after %s", async (signal) => {
    const folder = temporaryFolder();
    const run = writeRun(folder, comparedRun(2));
    const test = new CoxswainProcess(["lr-find", run, "--steps", "10000", "--set", "training.logging_steps=1"]);
    await test.until(/^step +3\//m);
    expect(workersIn(folder)).toHaveLength(2);
    process.kill(-(test.child.pid ?? 0), signal);
    const { code, stderr } = await test.finished;
    expect(code).toBe(130);
    expect(stderr).toContain("the range test was stopped");
    expect(existsSync(join(folder, "out"))).toBe(false);
    expect(workersIn(folder)).toEqual([]);
  });

  it("leaves no file behind if it is interrupted twice, or while it waits for workers", async () => {
    const folder = temporaryFolder();
    const run = writeRun(folder, comparedRun(1));
    const test = new CoxswainProcess(["lr-find", run, "--workers", "0"]);
    await test.until(/waiting for workers/);
    test.signal("SIGINT");
    test.signal("SIGTERM");
    expect((await test.finished).code).toBe(130);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  it("uses workers that join, and reports to nobody", async () => {
    const folder = temporaryFolder();
    const exec = `touch ${join(folder, "reported")}`;
    const run = writeRun(folder, { ...comparedRun(1), telemetry: { http: null, tensorboard: true, exec } });
    const test = new CoxswainProcess(["lr-find", run, "--workers", "0", ...ramp]);
    const [, address = ""] = await test.until(/listening on (\S+:\d+)/);
    const worker = new CoxswainProcess(["worker", "--coordinator", address.replace(/,$/, "")]);
    expect((await test.finished).stdout).toContain("suggestion: training.learning_rate: ");
    await worker.finished;
    expect(existsSync(join(folder, "reported"))).toBe(false);
    expect(Object.keys(contentsOf(join(folder, "out")))).toEqual(saved);
  });
});
