/** What a user loses if these fail: a line that tells how the run goes, in place on a terminal and readable in a log. */
import { createColors } from "picocolors";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgress, type Progress } from "../../../../src/cli/terminal/progress.js";
import type { StepView } from "../../../../src/telemetry/index.js";
import { Terminal } from "./screen.js";

const step = (number: number, changes: Partial<StepView> = {}): StepView => ({
  step: number,
  totalSteps: 250,
  epoch: number / 100,
  loss: 1.23456,
  learningRate: 2.94e-3,
  gradNorm: 0.5312,
  tokensPerSecond: 12345,
  workers: 2,
  remainingSeconds: 65,
  ...changes,
});

let progress: Progress | undefined;
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  progress?.close();
  vi.useRealTimers();
});

/** Time that tests move by hand. */
const now = (): number => Date.now();

const onTerminal = (columns: number, options: { colours?: boolean; unicode?: boolean } = {}): [Terminal, Progress] => {
  const terminal = new Terminal(columns);
  progress = createProgress({
    stream: terminal,
    now,
    columns: () => terminal.columns,
    colours: createColors(options.colours ?? true),
    unicode: options.unicode ?? true,
  });
  return [terminal, progress];
};

describe("progress on a terminal", () => {
  it("is one line, redrawn in place, with all important values", () => {
    const [terminal, shown] = onTerminal(130);
    for (let number = 1; number <= 5; number++) {
      shown.step(step(number));
      vi.advanceTimersByTime(100);
    }
    const bar = "━".repeat(24);
    const fields = "step   5/250  epoch 0.05  loss 1.2346  lr 2.94e-3  norm 0.531  12.3k tok/s  2 workers  1m 05s left";
    expect(terminal.screen).toEqual([`${bar}  ${fields}`]);
  });

  it("never wraps, however narrow the terminal and whatever the numbers", () => {
    const wild = step(99_999, {
      totalSteps: 100_000,
      loss: 123456.7,
      epoch: 123.45,
      tokensPerSecond: 9.99e6,
      workers: 1024,
      remainingSeconds: 9e6,
    });
    for (let columns = 1; columns <= 200; columns++) {
      const [terminal, shown] = onTerminal(columns, { unicode: columns % 2 === 0 });
      shown.step(wild);
      expect(terminal.lines, `${columns} columns`).toHaveLength(1);
      expect(terminal.lines[0]!.length, `${columns} columns`).toBeLessThan(Math.max(2, columns));
      vi.advanceTimersByTime(150);
      shown.waiting("waiting for workers: 1 of 1024 are ready, 模型加载中");
      expect(terminal.lines, `${columns} columns`).toHaveLength(1);
      shown.close();
    }
  });

  it.each([
    [60, "step   5/250  loss 1.2346  12.3k tok/s  1m 05s left"],
    [36, "step   5/250  loss 1.2346"],
    [24, "step   5/250"],
  ])("keeps the most important values in %i columns", (columns, line) => {
    const [terminal, shown] = onTerminal(columns);
    shown.step(step(5));
    expect(terminal.screen).toEqual([line]);
  });

  it("adapts when the window is resized", () => {
    const [terminal, shown] = onTerminal(60);
    shown.step(step(5));
    terminal.columns = 24;
    vi.advanceTimersByTime(250);
    expect(terminal.screen.at(-1)).toBe("step   5/250");
  });

  it("leaves no piece of itself behind when the window gets narrower, or wider", () => {
    for (let from = 20; from <= 140; from += 7) {
      for (const to of [8, 20, 45, 46, 60, 139]) {
        const [terminal, shown] = onTerminal(from);
        shown.note("model m");
        shown.step(step(5));
        terminal.resize(to);
        vi.advanceTimersByTime(250);
        shown.step(step(6));
        vi.advanceTimersByTime(250);
        const context = `from ${from} to ${to} columns`;
        expect(
          terminal.screen.filter((line) => line !== "model m"),
          context,
        ).toHaveLength(1);
        expect(terminal.screen.at(-1), context).toContain("step");
        terminal.resize(from);
        shown.note("worker a joined");
        expect(terminal.screen.slice(0, 2), context).toEqual(["model m", "worker a joined"]);
        expect(terminal.screen, context).toHaveLength(3);
        shown.close();
      }
    }
  });

  it("is not broken by the ^C that a terminal echoes", () => {
    const [terminal, shown] = onTerminal(45);
    for (let number = 1; number <= 40; number++) {
      shown.step(step(number, { tokensPerSecond: number ** 3, remainingSeconds: number * 97 }));
      terminal.write("^C");
      shown.note("received SIGINT");
      vi.advanceTimersByTime(150);
    }
    shown.close();
    expect(terminal.screen.filter((line) => line !== "received SIGINT")).toHaveLength(1);
  });

  it("has the default width if the terminal's width is unknown", () => {
    const written: string[] = [];
    progress = createProgress({ stream: { write: (text) => written.push(text), columns: 0 }, isTTY: true, now });
    progress.step(step(5));
    expect(written.join("")).toContain("1m 05s");
  });

  it("ends with the newest step, even if it is not one of logging_steps", () => {
    const [terminal, shown] = onTerminal(60);
    shown.step(step(5));
    shown.step(step(7), false);
    shown.close();
    expect(terminal.screen[0]).toContain("7/250");
  });

  it("has a bar that is empty, half full, and full", () => {
    const bars = [0, 125, 250].map((number) => {
      const [terminal, shown] = onTerminal(200, { unicode: false });
      shown.step(step(number));
      return terminal.screen[0]!.slice(0, 24);
    });
    expect(bars).toEqual(["[----------------------]", "[===========-----------]", "[======================]"]);
  });

  it("is redrawn at most ten times per second, and ends with the newest step", () => {
    const [terminal, shown] = onTerminal(100);
    for (let number = 1; number <= 200; number++) {
      shown.step(step(number));
      vi.advanceTimersByTime(5);
    }
    expect(terminal.writes).toBeLessThanOrEqual(11);
    expect(terminal.writes).toBeGreaterThanOrEqual(9);
    shown.close();
    expect(terminal.screen[0]).toContain("200/250");
  });

  it("shows the newest step shortly afterwards if no other follows", () => {
    const [terminal, shown] = onTerminal(100);
    shown.step(step(1));
    shown.step(step(2));
    expect(terminal.screen[0]).toContain("  1/250");
    vi.advanceTimersByTime(250);
    expect(terminal.screen[0]).toContain("  2/250");
  });

  it("counts down the time left between steps, to zero", () => {
    const [terminal, shown] = onTerminal(100);
    shown.step(step(1, { remainingSeconds: 5 }));
    vi.advanceTimersByTime(3_000);
    expect(terminal.screen[0]).toContain("2s left");
    vi.advanceTimersByTime(9_000);
    expect(terminal.screen[0]).toContain("0s left");
  });

  it("puts notes above the line, where they stay", () => {
    const [terminal, shown] = onTerminal(60);
    shown.note("model m");
    shown.step(step(5));
    shown.note("worker a joined\nworker b joined");
    expect(terminal.screen).toEqual([
      "model m",
      "worker a joined",
      "worker b joined",
      "step   5/250  loss 1.2346  12.3k tok/s  1m 05s left",
    ]);
  });

  it("shows why it waits and for how long, then continues", () => {
    const [terminal, shown] = onTerminal(100);
    shown.waiting("waiting for workers: 0 of 2 are ready");
    vi.advanceTimersByTime(5_000);
    shown.waiting("waiting for workers: 1 of 2 are ready");
    vi.advanceTimersByTime(2_000);
    expect(terminal.screen[0]).toMatch(/^. waiting for workers: 1 of 2 are ready 7s$/);
    shown.waiting(undefined);
    shown.step(step(1));
    vi.advanceTimersByTime(250);
    expect(terminal.screen).toHaveLength(1);
    expect(terminal.screen[0]).toContain("1/250");
  });

  it("leaves the last line with the cursor below it, and no timer", () => {
    const [terminal, shown] = onTerminal(60);
    shown.step(step(250));
    shown.close();
    shown.close();
    shown.step(step(1));
    shown.note("late");
    terminal.write("$");
    expect(terminal.screen).toEqual(["step 250/250  loss 1.2346  12.3k tok/s  1m 05s left", "$"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("has no colours if colours are disabled", () => {
    const written: string[] = [];
    progress = createProgress({
      stream: { write: (text) => written.push(text), isTTY: true, columns: 100 },
      isTTY: true,
      now,
      colours: createColors(false),
    });
    progress.step(step(5));
    // "\u001b[K" clears the line; no other sequence is there.
    expect(written.join("").replaceAll("\u001b[K", "")).not.toContain("\u001b");
  });
});

describe("progress without a terminal", () => {
  const elsewhere = (): [string[], Progress] => {
    const written: string[] = [];
    progress = createProgress({ stream: { write: (text) => written.push(text) }, now });
    return [written, progress];
  };

  it("is a line every logging_steps, and for the newest step at the end", () => {
    const [written, shown] = elsewhere();
    for (let number = 1; number <= 7; number++) shown.step(step(number), number % 5 === 0);
    expect(written).toHaveLength(1);
    shown.close();
    expect(written.map((line) => line.slice(0, 12))).toEqual(["step   5/250", "step   7/250"]);
  });

  it("is one plain line per step", () => {
    const [written, shown] = elsewhere();
    shown.step(step(5, { workers: 1 }));
    shown.note("worker a joined");
    shown.step(step(250));
    shown.close();
    shown.note("late");
    expect(written).toEqual([
      "step   5/250  epoch 0.05  loss 1.2346  lr 2.94e-3  norm 0.531  12.3k tok/s  1 worker  1m 05s left\n",
      "worker a joined\n",
      "step 250/250  epoch 2.50  loss 1.2346  lr 2.94e-3  norm 0.531  12.3k tok/s  2 workers  1m 05s left\n",
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not fill a log with lines that differ only in numbers", () => {
    const [written, shown] = elsewhere();
    for (let number = 0; number < 100; number++) {
      shown.waiting(`tokenised ${number} of 100 examples`);
      vi.advanceTimersByTime(200);
    }
    shown.waiting("waiting for workers: 0 of 2 are ready");
    expect(written).toEqual([
      "tokenised 0 of 100 examples\n",
      "tokenised 25 of 100 examples\n",
      "tokenised 50 of 100 examples\n",
      "tokenised 75 of 100 examples\n",
      "waiting for workers: 0 of 2 are ready\n",
    ]);
    shown.waiting(undefined);
    shown.waiting("waiting for workers: 0 of 2 are ready");
    expect(written).toHaveLength(6);
  });
});
