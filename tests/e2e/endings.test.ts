/** How a run ends: by signals, closed terminals, pipes and disks, killed workers and coordinators. */
import { readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { isRunning } from "../../src/processes.js";
import { CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartData, quickstartModel, smallRun, stepLines } from "../support/runs.js";
import { ShellProcess } from "../support/shell.js";

/** A run with one worker that does not end by itself, of steps that take no time. */
function endlessRun(folder: string, training: object = {}): string {
  const endless = { max_steps: 100_000, logging_steps: 1, save_steps: 100_000, ...training };
  return writeRun(folder, smallRun({ training: endless, compute: { threads: 1 } }));
}

/** Workers of runs in this folder: their logs are their outputs. */
function workersIn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/1`).startsWith(join(folder, "out", "logs"));
      } catch {
        return false;
      }
    })
    .map(Number);
}

const noWorkersLeft = (folder: string): Promise<unknown> =>
  vi.waitUntil(() => !workersIn(folder).some(isRunning), { timeout: 60_000 });

const checkpoints = (folder: string): string[] => {
  try {
    return readdirSync(join(folder, "out", "checkpoints")).filter((name) => name.startsWith("step-"));
  } catch {
    return [];
  }
};

/** The newest checkpoint is that of the last step that was computed. */
function expectAllSaved(folder: string): void {
  const last = stepLines(join(folder, "out")).at(-1)?.step ?? 0;
  expect(last).toBeGreaterThan(0);
  expect(Number(checkpoints(folder).at(-1)?.slice("step-".length))).toBe(last);
}

describe("a run saves every computed step and leaves no worker behind", () => {
  it.each(["SIGHUP", "SIGINT", "SIGTERM"] as const)("when its terminal sends %s to all processes", async (signal) => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["train", endlessRun(folder), "--workers", "2"]);
    await run.until(/^step +3\//m);
    process.kill(-(run.child.pid ?? 0), signal);
    const { code, stdout } = await run.finished;
    expect(stdout).toMatch(
      new RegExp(`stopped \\(received ${signal}\\) after step \\d+, which is saved; continue with: `),
    );
    expect(code).toBe(130);
    expectAllSaved(folder);
    await noWorkersLeft(folder);
  });

  it("when `timeout` ends it, which sends the signal twice", async () => {
    const folder = temporaryFolder();
    const command = `timeout 1000 $COXSWAIN train ${endlessRun(folder)} & wait`;
    const shell = new ShellProcess(command, { cwd: folder });
    await shell.until(/^step +3\//m);
    const parentOf = (pid: number): number =>
      Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    // Told to end, it does what it does when the time is over.
    process.kill(parentOf(parentOf(workersIn(folder)[0] ?? 0)), "SIGTERM");
    await shell.until(/stopped \(received SIGTERM\) after step \d+, which is saved/);
    expectAllSaved(folder);
    await noWorkersLeft(folder);
  });

  it("when the reader of its output ends", async () => {
    const folder = temporaryFolder();
    const command = `$COXSWAIN train ${endlessRun(folder)} | sed '/^step/q' >/dev/null; echo ended with "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await new ShellProcess(command, { cwd: folder }).finished;
    expect(stderr).toMatch(
      /^the reader of the standard output is gone: finishing and saving this step.*\nstopped .* after step \d+, which is saved/,
    );
    expect(stdout).toContain("ended with 130");
    expectAllSaved(folder);
    await noWorkersLeft(folder);
  });

  it("when its standard error is closed as well", async () => {
    const folder = temporaryFolder();
    const command = `$COXSWAIN train ${endlessRun(folder)} 2>&1 | sed '/^step/q' >/dev/null; echo ended with "\${PIPESTATUS[0]}"`;
    const { stdout } = await new ShellProcess(command, { cwd: folder }).finished;
    expect(stdout).toContain("ended with 130");
    expectAllSaved(folder);
    await noWorkersLeft(folder);
  });

  it("when it is led by `coxswain coordinator` and the terminal closes", async () => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["coordinator", endlessRun(folder)]);
    const [, address = ""] = await run.until(/listening on (\S+)/);
    const worker = new CoxswainProcess(["worker", "--coordinator", address, "--http", "none"]);
    await run.until(/^step +3\//m);
    run.signal("SIGHUP");
    expect((await run.finished).code).toBe(130);
    expectAllSaved(folder);
    expect((await worker.finished).code).toBe(130);
  });
});

it("a run names its full output and exits with 130", async () => {
  const folder = temporaryFolder();
  const command = `$COXSWAIN train ${endlessRun(folder)} >/dev/full; echo ended with $?`;
  const { stdout, stderr } = await new ShellProcess(command, { cwd: folder }).finished;
  expect(stderr).toContain("the standard output cannot be written: no space left on device");
  expect(stdout).toContain("ended with 130");
  await noWorkersLeft(folder);
});

describe("a run continues when the terminal closes", () => {
  it.each([
    ["under nohup", "nohup $COXSWAIN train"],
    ["in a script that ignores hang-ups", "trap '' HUP; $COXSWAIN train"],
  ])("%s", async (_, command) => {
    const folder = temporaryFolder();
    const shell = new ShellProcess(`${command} ${endlessRun(folder)} & wait`, { cwd: folder });
    await shell.until(/^step +3\//m);
    const workers = workersIn(folder);
    const train = Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${workers[0] ?? 0}/status`, "utf8"))?.[1]);
    for (const pid of [train, ...workers]) process.kill(pid, "SIGHUP");
    const before = stepLines(join(folder, "out")).at(-1)?.step ?? 0;
    await shell.until(new RegExp(`^step +${before + 20}/`, "m"));
    expect(workersIn(folder)).toEqual(workers);
    process.kill(train, "SIGINT");
    await shell.until(/which is saved/);
    expectAllSaved(folder);
  });
});

describe("Ctrl-C", () => {
  it("before the first step reports that nothing is saved", async () => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["train", endlessRun(folder), "--workers", "0"]);
    await run.until(/waiting for workers/);
    run.signal("SIGINT");
    const { code, stdout } = await run.finished;
    expect(stdout).toContain("stopped (received SIGINT) before the first step: nothing is saved; continue with: ");
    expect(code).toBe(130);
    expect(checkpoints(folder)).toEqual([]);
  });

  it("twice reports that --resume starts at step 0 when nothing is saved", async () => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["train", endlessRun(folder)]);
    await run.until(/^step +2\//m);
    run.signal("SIGINT");
    run.signal("SIGTERM");
    const { code, stdout } = await run.finished;
    expect(code).toBe(130);
    if (checkpoints(folder).length === 0) expect(stdout).toContain("nothing is saved; --resume starts at step 0");
    else expect(stdout).toMatch(/--resume continues after step \d+|which is saved/);
    await noWorkersLeft(folder);
  });

  it("twice names the checkpoint that --resume starts from", async () => {
    const folder = temporaryFolder();
    const file = endlessRun(folder, { save_steps: 5 });
    const run = new CoxswainProcess(["train", file]);
    await run.until(/checkpoint.*step-000005/);
    run.signal("SIGINT");
    run.signal("SIGTERM");
    const { stdout } = await run.finished;
    const said = /(?:--resume continues after step|after step) (\d+)(?:, the newest checkpoint|, which is saved)/.exec(
      stdout,
    );
    expect(Number(said?.[1])).toBe(Number(checkpoints(folder).at(-1)?.slice("step-".length)));
    await noWorkersLeft(folder);
  });
});

describe("workers end with their coordinator", () => {
  it("when it is killed while it trains", async () => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["train", endlessRun(folder), "--workers", "2"]);
    await run.until(/^step +3\//m);
    expect(workersIn(folder)).toHaveLength(2);
    run.signal("SIGKILL");
    await run.finished;
    await noWorkersLeft(folder);
  });

  it("when it is killed while they start", async () => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["train", endlessRun(folder), "--workers", "2"]);
    await vi.waitUntil(() => workersIn(folder).length === 2, { timeout: 60_000, interval: 2 });
    run.signal("SIGKILL");
    await run.finished;
    await noWorkersLeft(folder);
  });
});

it("a run whose only worker gets SIGTERM starts another and continues", async () => {
  const folder = temporaryFolder();
  const run = new CoxswainProcess(["train", endlessRun(folder)]);
  await run.until(/^step +3\//m);
  for (const pid of workersIn(folder)) process.kill(pid, "SIGTERM");
  await run.until(/^local worker 0 left after SIGTERM; starting another$/m);
  const before = stepLines(join(folder, "out")).at(-1)?.step ?? 0;
  await run.until(new RegExp(`^step +${before + 3}/`, "m"));
  run.signal("SIGINT");
  const { code, stdout } = await run.finished;
  expect(stdout.match(/starting another/g)).toHaveLength(1);
  expect(code).toBe(130);
  expectAllSaved(folder);
});

it("a resumed run names a worker log that is no file, and exits with 6", async () => {
  const folder = temporaryFolder();
  const file = endlessRun(folder, { save_steps: 3 });
  const first = new CoxswainProcess(["train", file]);
  await first.until(/checkpoint.*step-000003/);
  first.signal("SIGINT");
  await first.finished;
  const log = join(folder, "out", "logs", "worker-0.log");
  rmSync(log);
  symlinkSync("/dev/full", log);
  const second = new CoxswainProcess(["train", file, "--resume"]);
  const { code, stdout, stderr } = await second.finished;
  expect(stderr).toMatch(/^error: \S+worker-0\.log: is a symbolic link, not a file/);
  expect(stdout).not.toContain("starting another");
  expect(code).toBe(6);
});

it.each(["SIGUSR1", "SIGUSR2"] as const)("%s saves the run and opens no debugger", async (signal) => {
  const folder = temporaryFolder();
  const run = new CoxswainProcess(["train", endlessRun(folder)]);
  await run.until(/^step +3\//m);
  process.kill(-(run.child.pid ?? 0), signal);
  const { code, stdout, stderr } = await run.finished;
  expect(stdout).toMatch(/stopped \(received SIGTERM\) after step \d+, which is saved/);
  expect(stderr).not.toContain("Debugger listening");
  expect(readFileSync(join(folder, "out", "logs", "worker-0.log"), "utf8")).not.toContain("Debugger");
  expect(code).toBe(130);
  expectAllSaved(folder);
});

describe("a local worker that is killed repeatedly", () => {
  /** Kills every worker of the run as soon as it has joined, until the run ends. */
  async function killAllThatJoin(run: CoxswainProcess): Promise<void> {
    for (let joined = 1; ; joined++) {
      const seen = await run
        .until(new RegExp(`(?:worker \\S+-(\\d+)-\\w+ joined[^]*?){${joined}}`))
        .catch(() => undefined);
      if (seen === undefined) return;
      process.kill(Number(seen[1]), "SIGKILL");
    }
  }

  it("ends the run after three deaths, naming the signal, the memory and a smaller batch to try", async () => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["train", endlessRun(folder)]);
    await killAllThatJoin(run);
    const { code, stdout, stderr } = await run.finished;
    expect(stdout.match(/starting another/g)).toHaveLength(2);
    expect(stderr).toMatch(/^error: local worker 0 died 3 times without a step in between \(SIGKILL\): .*\d [MG]B/);
    expect(stderr).toMatch(/\nhint: .*training\.micro_batch_size: 2 .*coxswain doctor/);
    expect(code).toBe(5);
    await noWorkersLeft(folder);
  });

  it("ends the run with its steps saved", async () => {
    const folder = temporaryFolder();
    const run = new CoxswainProcess(["train", endlessRun(folder)]);
    await run.until(/^step +3\//m);
    await killAllThatJoin(run);
    const { code, stdout } = await run.finished;
    expect(stdout).toMatch(/stopped after step \d+, which is saved; continue with: .* --resume/);
    expect(code).toBe(5);
    expectAllSaved(folder);
  });
});

it("a remote worker waits for a killed coordinator that is restarted with --resume", async () => {
  const folder = temporaryFolder();
  const file = endlessRun(folder, { save_steps: 3, max_steps: 400 });
  const first = new CoxswainProcess(["coordinator", file]);
  const [, address = ""] = await first.until(/listening on (\S+)/);
  const worker = new CoxswainProcess(["worker", "--coordinator", address, "--http", "none"]);
  await first.until(/checkpoint.*step-000003/);
  first.signal("SIGKILL");
  await first.finished;
  const second = new CoxswainProcess(["coordinator", file, "--resume", "--listen", address]);
  const [ended, left] = await Promise.all([second.finished, worker.finished]);
  expect(ended.stdout).toContain("done: 400 steps");
  expect([ended.code, left.code]).toEqual([0, 0]);
});

describe("a closed pipe or a full disk is no internal error", () => {
  const ask = `--model ${quickstartModel}`;
  const evaluation = `eval ${ask} --data ${join(quickstartData, "eval.jsonl")} --limit 8`;
  const generation = `generate ${ask} --prompt hi --max-new-tokens 200`;
  const commands = ["--help", "doctor", evaluation, generation];

  it.each(commands)("of `%s`, whose reader ends", async (command) => {
    const line = `$COXSWAIN ${command} | true; echo ended with "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await new ShellProcess(line, { cwd: temporaryFolder() }).finished;
    expect(stdout).toMatch(/ended with (141|0)\n/);
    expect(stderr).not.toMatch(/bug|terminate/);
  });

  it("of `generate`, whose reader ends in the middle of an answer", async () => {
    const line = `$COXSWAIN ${generation} | head -c 5 >/dev/null; echo ended with "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await new ShellProcess(line, { cwd: temporaryFolder() }).finished;
    expect(stdout).toContain("ended with 141\n");
    expect(stderr).not.toMatch(/bug|terminate/);
  });

  it.each(commands)("of `%s`, whose output is full", async (command) => {
    const line = `$COXSWAIN ${command} >/dev/full; echo ended with $?`;
    const { stdout, stderr } = await new ShellProcess(line, { cwd: temporaryFolder() }).finished;
    expect(stdout).toContain("ended with 6\n");
    expect(stderr).toContain("error: the standard output cannot be written: no space left on device\nhint: ");
  });
});
