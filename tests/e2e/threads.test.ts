/** Threads that follow the machine: real affinity, real control groups, and the same adapter however they are shared. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { program, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, quickstartData, quickstartModel } from "../support/runs.js";
import { WatchedProcess } from "../support/watched-process.js";
import type { Finished } from "../support/watched-process.js";

const run = (steps: number): object => ({
  model: quickstartModel,
  output_dir: "out",
  data: { train: join(quickstartData, "train.jsonl"), max_length: 256 },
  lora: { r: 8 },
  training: {
    max_steps: steps,
    global_batch_size: 16,
    micro_batch_size: 8,
    learning_rate: 0.001,
  },
  compute: { device: "cpu" },
  cluster: { listen: "127.0.0.1:0" },
  telemetry: { http: null },
});

/** @param setup what a shell does before it becomes `coxswain` */
function after(setup: string, args: readonly string[], cwd: string): Promise<Finished> {
  const env = { ...process.env, NO_COLOR: "1", COXSWAIN_TOKEN: "" };
  const command = ["-c", setup, process.execPath, program, ...args];
  return new WatchedProcess(spawn("bash", command, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })).finished;
}

const plain = 'exec "$0" "$@"';
const oneCore = 'exec taskset -c 0 "$0" "$@"';

async function trained(workers: number): Promise<{ stdout: string; adapter: Buffer }> {
  const folder = temporaryFolder();
  const args = ["train", writeRun(folder, run(2)), "--workers", String(workers)];
  const { code, stdout, stderr } = await after('exec taskset -c 0,1 "$0" "$@"', args, folder);
  expect(code, stderr).toBe(0);
  return { stdout, adapter: adapterBytes(join(folder, "out")) };
}

const enough = availableParallelism() >= 2 ? "" : " (skipped: needs two cores)";

describe.skipIf(enough !== "")(`local workers that share the cores${enough}`, () => {
  it("train the adapter of one worker with all cores, to the bit", async () => {
    const [one, two, three] = [await trained(1), await trained(2), await trained(3)];
    expect(one.stdout).toContain("2 threads per worker: this machine has 2 cores");
    expect(two.stdout).toContain("1 thread per worker: 2 workers share 2 cores");
    expect(three.stdout).toContain("1 thread per worker: 3 workers share 2 cores");
    expect(two.adapter.equals(one.adapter)).toBe(true);
    expect(three.adapter.equals(one.adapter)).toBe(true);
  });
});

describe("cores outside the process's affinity", () => {
  it("are not counted, and a resumed run keeps its number of threads", async () => {
    const folder = temporaryFolder();
    const first = await after(oneCore, ["train", writeRun(folder, run(1))], folder);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toContain("1 thread per worker: this machine has 1 core");
    // With another number it would be refused.
    const second = await after(plain, ["train", join(folder, "run.yaml"), "--resume"], folder);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).not.toContain("per worker");
  });
});

/** A group of version 1 with limits, and one within it; undefined where none can be made. */
function limitedGroup(controller: string, limit: Readonly<Record<string, string>>): string | undefined {
  try {
    const own = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, "m").exec(
      readFileSync("/proc/self/cgroup", "utf8"),
    );
    const group = join("/sys/fs/cgroup", controller, own?.[1] ?? "", `coxswain-test-${process.pid}`);
    mkdirSync(join(group, "inner"), { recursive: true });
    for (const [file, text] of Object.entries(limit)) writeFileSync(join(group, file), text);
    return group;
  } catch {
    return undefined;
  }
}

const halfAndOne = { "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000" };
const groups = [
  limitedGroup("cpu", halfAndOne),
  limitedGroup("memory", { "memory.limit_in_bytes": String(3_000_000_512) }),
];
const impossible = groups.includes(undefined) ? " (skipped: control groups of version 1 cannot be made here)" : "";

describe.skipIf(impossible !== "")(`a container's limits${impossible}`, () => {
  it("are reported by doctor, also when a parent group sets them", async () => {
    const entering = groups.map((group) => `echo $$ > ${group ?? ""}/inner/cgroup.procs`).join(" && ");
    const { stdout } = await after(`${entering} && ${plain}`, ["doctor"], temporaryFolder());
    expect(stdout).toContain("for this process 1 core: the CPU quota is 1.5");
    expect(stdout).toMatch(/memory +3\.00 GB/);
    for (const group of groups) {
      rmdirSync(join(group ?? "", "inner"));
      rmdirSync(group ?? "");
    }
  });
});
