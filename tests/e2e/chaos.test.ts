/** `coxswain chaos`: its report with every kind of fault in one run, and the processes that it leaves (none). */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { ChaosReport } from "../../src/chaos/index.js";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, eventLines, quickstartData, quickstartModel, stepLines } from "../support/runs.js";

const steps = 14;

function chaosRun(folder: string): string {
  return writeRun(folder, {
    model: quickstartModel,
    output_dir: "out",
    workers: 2,
    data: { train: join(quickstartData, "train.jsonl"), max_length: 256 },
    lora: { r: 8, lora_dropout: 0.1 },
    training: {
      max_steps: steps,
      global_batch_size: 16,
      micro_batch_size: 2,
      learning_rate: 3e-3,
      warmup_steps: 2,
      save_steps: 4,
    },
    compute: { threads: 1 },
    cluster: { heartbeat_timeout: 3 },
  });
}

/** Process ids of every worker that took part, and of every process with this folder on its command line. */
function processesOf(folder: string, name: string): number[] {
  const listed = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
  const running = new Map(listed.map((line) => [Number.parseInt(line, 10), line]));
  const output = join(folder, name);
  const joined = existsSync(join(output, "events.jsonl")) ? eventLines(output) : [];
  const workers = joined.flatMap(({ event, pid }) => (event === "worker_joined" ? [Number(pid)] : []));
  const named = [...running].flatMap(([pid, line]) => (line.includes(`${folder}/`) ? [pid] : []));
  return [...workers.filter((pid) => running.get(pid)?.includes(" worker ") === true), ...named];
}

describe("chaos", () => {
  it("reports equal adapters after kills, freezes, cut connections and corrupted bytes", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "chaos");
    const { code, stdout, stderr } = await coxswain([
      "chaos",
      chaosRun(folder),
      ...["--seed", "274", "--duration", "8", "--output", output, "--json"],
      ...["--kill-worker-every", "5", "--freeze-every", "4", "--freeze-for", "1", "--cut-every", "4", "--cut-for", "1"],
      ...["--kill-coordinator-every", "6", "--corrupt-every", "3", "--slow", "2", "--give-up-after", "60"],
    ]);
    expect(code, `${stderr}${stdout}`).toBe(0);
    const report = JSON.parse(stdout) as ChaosReport;
    expect(report.adapter.equal).toBe(true);
    expect(report.steps).toMatchObject({ expected: steps, committed: steps, usedOnce: true, firstDifference: null });
    expect(report.faults.map(({ fault }) => fault).sort()).toEqual([
      "corrupt",
      "cut",
      "freeze",
      "kill-coordinator",
      "kill-worker",
    ]);
    expect(report.goodput).toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(join(output, "report.json"), "utf8"))).toEqual(report);
    // Not by its own word alone.
    const [reference, disturbed] = [join(output, "reference"), join(output, "disturbed")];
    expect(adapterBytes(disturbed).equals(adapterBytes(reference))).toBe(true);
    expect(stepLines(disturbed).map(({ loss }) => loss)).toEqual(stepLines(reference).map(({ loss }) => loss));
    const injected = readFileSync(join(output, "faults.jsonl"), "utf8").trimEnd().split("\n");
    expect(injected.length).toBe(report.faults.reduce((sum, { count }) => sum + count, 0));
    expect(processesOf(folder, "chaos/disturbed")).toEqual([]);
    // It wrote nothing where the run itself would.
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGKILL", null],
  ] as const)("leaves no process running after %s", async (signal, expected) => {
    const folder = temporaryFolder();
    const output = join(folder, "chaos");
    const chaos = new CoxswainProcess(["chaos", chaosRun(folder), "--output", output]);
    await chaos.until(/undisturbed: step/);
    expect(processesOf(folder, "chaos/reference").length).toBeGreaterThanOrEqual(3);
    chaos.signal(signal);
    expect((await chaos.finished).code).toBe(expected);
    await vi.waitUntil(() => processesOf(folder, "chaos/reference").length === 0, { timeout: 60_000 });
  });

  it("refuses an output folder that is not empty, and a --reference without a run", async () => {
    const folder = temporaryFolder();
    const full = await coxswain(["chaos", chaosRun(folder), "--output", folder]);
    expect(full.code).toBe(2);
    expect(full.stderr).toMatch(/is not empty/);
    const none = await coxswain(["chaos", chaosRun(folder), "--reference", folder]);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/contains no undisturbed run/);
  });
});
