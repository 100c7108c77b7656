/** Without this, a command that hangs, or reads slowly, holds up a run or takes its memory. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { Clock, Timer } from "../../../src/clock.js";
import { bufferCapacity, CommandExporter } from "../../../src/exporters/command/command.js";
import { LineBuffer } from "../../../src/exporters/command/line-buffer.js";
import { commandEnvironment } from "../../../src/exporters/environment.js";
import { isRunning } from "../../../src/processes.js";
import { temporaryFolder } from "../model/helpers.js";

/** Timers run when the test says so. */
class ManualClock implements Clock {
  readonly timers: { delay: number; callback: () => void }[] = [];
  now = () => 0;
  wallClock = () => 0;
  after(delay: number, callback: () => void): Timer {
    const timer = { delay, callback };
    this.timers.push(timer);
    return { cancel: () => this.timers.splice(this.timers.indexOf(timer) >>> 0, 1) };
  }
  every = (): Timer => ({ cancel: () => undefined });
  soon = (): Timer => ({ cancel: () => undefined });
  run(delay: number): void {
    this.timers.filter((timer) => timer.delay === delay).forEach(({ callback }) => callback());
  }
}

function started(command: string | readonly string[]) {
  const folder = temporaryFolder();
  const clock = new ManualClock();
  const reports: string[] = [];
  let wake: () => void = () => undefined;
  const exporter = new CommandExporter({
    command,
    environment: { ...process.env, FOLDER: folder },
    logPath: join(folder, "exec.log"),
    clock,
  });
  exporter.begin(({ reason }) => {
    reports.push(reason);
    wake();
  });
  const reported = (pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      wake = () => {
        if (reports.some((reason) => pattern.test(reason))) resolve();
      };
      wake();
    });
  const output = (): string => readFileSync(join(folder, "exec.log"), "utf8");
  return { exporter, clock, reports, reported, output };
}

const line = (step: number, padding = "") => ({ step, eval_loss: 1, padding });

describe("the command", () => {
  it("that never reads costs bounded memory, and what is lost is counted", async () => {
    const { exporter, clock, reports } = started(["sleep", "1000"]);
    const count = bufferCapacity + 2_000;
    for (let step = 1; step <= count; step++) exporter.evaluation(line(step, "x".repeat(200)));
    expect(reports).toEqual([expect.stringContaining("too slow")]);
    const closed = exporter.close();
    clock.run(30_000);
    await closed;
    expect(reports.at(-1)).toMatch(/^1\d{4} lines of metrics\.jsonl did not reach the command$/);
  });

  it("that ignores SIGTERM is killed at the end, with what it started", async () => {
    const { exporter, clock, reports, output } = started("trap '' TERM; sleep 1000 & echo $!; cat; wait");
    exporter.evaluation(line(1));
    // It has read the line, so SIGTERM is ignored by now.
    await vi.waitFor(() => expect(output()).toContain("eval_loss"), { timeout: 30_000 });
    const closed = exporter.close();
    clock.run(3_000);
    clock.run(30_000);
    clock.run(35_000);
    await closed;
    expect(reports).toEqual([expect.stringContaining("waits up to 30 s"), "it was killed by SIGKILL"]);
    await vi.waitFor(() => expect(isRunning(Number(output().split("\n")[0]))).toBe(false), { timeout: 30_000 });
  });

  it("that fails is started again, and gets the lines since", async () => {
    const { exporter, clock, reports, reported, output } = started(
      'test "$COXSWAIN_EXEC_RESTARTS" = 1 && cat || exit 4',
    );
    await reported(/exit code 4/);
    exporter.evaluation(line(7));
    clock.run(1_000);
    await exporter.close();
    expect(output()).toBe(`${JSON.stringify(line(7))}\n`);
    expect(reports).toHaveLength(1);
  });

  it("that has failed gets one more attempt at the end, for the lines that wait", async () => {
    const { exporter, reported, output } = started(
      'test -e "$FOLDER/again" && cat || { touch "$FOLDER/again"; exit 4; }',
    );
    await reported(/exit code 4/);
    exporter.evaluation(line(1));
    await exporter.close();
    expect(output()).toBe(`${JSON.stringify(line(1))}\n`);
  });
});

describe("waiting lines", () => {
  it("are in order, and the oldest are dropped and counted", () => {
    const buffer = new LineBuffer(2);
    ["a", "b", "c"].forEach((text) => buffer.push(text));
    expect([buffer.dropped, buffer.take(), buffer.take(), buffer.take()]).toEqual([1, "b", "c", undefined]);
  });
});

describe("the command's environment", () => {
  it("has the run's name, model, folder and step, and none of its secrets", () => {
    const base = { PATH: "/bin", COXSWAIN_TOKEN: "s", COXSWAIN_NATS_TOKEN: "s", COXSWAIN_NATS_PASSWORD: "s" };
    expect(commandEnvironment(base, { run: "r", model: "m", outputDir: "/o", step: 4 })).toEqual({
      PATH: "/bin",
      COXSWAIN_RUN: "r",
      COXSWAIN_MODEL: "m",
      COXSWAIN_OUTPUT_DIR: "/o",
      COXSWAIN_START_STEP: "4",
    });
  });
});
