import { createColors } from "picocolors";
import { describe, expect, it } from "vitest";
import { LiveBlock } from "../../../../src/cli/terminal/live-block.js";
import { statusLine } from "../../../../src/cli/status/line.js";
import { statusTable } from "../../../../src/cli/status/table.js";
import type { TableStyle } from "../../../../src/cli/status/table.js";
import { statusExample as status, workerExample } from "../../control/status-example.js";
import { Terminal } from "../terminal/screen.js";

const style = (changes: Partial<TableStyle> = {}): TableStyle => ({
  width: 120,
  rows: 40,
  colours: createColors(false),
  unicode: true,
  now: Date.parse("2026-11-26T10:05:42.000Z"),
  ...changes,
});

describe("the table of a run's status", () => {
  it("shows state, progress, and the work of each worker", () => {
    expect(statusTable(status, style())).toEqual([
      "training",
      `╸${"━".repeat(19)}  step  12/250  epoch 0.13  loss 1.2346  lr 2.94e-3  norm 0.531  12.3k tok/s  2 workers  1m 05s left`,
      "model   example/model",
      "folder  /runs/one on head",
      "pace    0.520 s per step, all-reduce by star",
      "eval    loss 1.5000, exact match 71.0 % after step 10; best: exact_match 75.0 % after step 8",
      "saved   step 10, 42s ago: checkpoints/step-000010",
      "",
      "worker              state   computes with  tok/s  done  held      joined  gradients",
      "node-1-4242-a1b2c3  active  onnx on cpu    1.23k     5     3  5m 42s ago  pulled",
      "node-2-1-ffffff     late    onnx on cpu    1.23k     5     3  5m 42s ago  pushed",
    ]);
  });

  it("has placeholders for unknown values", () => {
    const unknown = {
      ...status,
      state: "waiting" as const,
      detail: "waiting for workers: 1 of 2 are ready",
      step: 0,
      epoch: null,
      loss: null,
      learning_rate: null,
      grad_norm: null,
      tokens_per_second: null,
      seconds_per_step: null,
      seconds_left: null,
      evaluation: null,
      best: null,
      checkpoint: null,
      workers: [{ ...workerExample, state: "loading" as const, engine: null, device: null, tokens_per_second: null }],
    };
    const lines = statusTable(unknown, style());
    expect(lines.slice(0, 2)).toEqual(["waiting for workers: 1 of 2 are ready", "step 0/250"]);
    expect(lines.join("\n")).not.toMatch(/null|NaN|undefined|pace|eval|best|saved/);
    expect(statusTable({ ...unknown, workers: [] }, style()).at(-1)).toBe("no workers");
  });

  it("never wraps or scrolls, however small the terminal, and keeps the workers' names longest", () => {
    const many = { ...status, detail: "x".repeat(300), workers: Array.from({ length: 50 }, () => workerExample) };
    for (let width = 10; width <= 140; width += 5)
      for (const rows of [10, 12, 24]) {
        const lines = statusTable(many, style({ width, rows }));
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
        expect(lines.length).toBeLessThanOrEqual(rows);
      }
    expect(statusTable(many, style({ rows: 12 })).slice(-3)).toEqual([
      expect.stringContaining("node-1-4242-a1b2c3"),
      expect.stringContaining("node-1-4242-a1b2c3"),
      "and 48 more",
    ]);
    expect(statusTable(status, style({ width: 30 })).at(-2)).toBe("node-1-4242-a1b2c3  active");
  });

  it("is redrawn in place, even when it becomes shorter", () => {
    const terminal = new Terminal(80);
    terminal.write("before\n");
    const block = new LiveBlock(terminal);
    block.draw(["one", "two, which is long", "three"]);
    block.draw(["ONE", "two"]);
    expect(terminal.screen).toEqual(["before", "ONE", "two"]);
    const { writes } = terminal;
    block.draw(["ONE", "two"]);
    expect(terminal.writes).toBe(writes);
  });
});

describe("the line of a run's status in a log", () => {
  it("has the most important values, and omits unknown ones", () => {
    expect(statusLine(status)).toBe(
      "training  step 12/250  loss 1.2346  eval loss 1.5000  12.3k tok/s  2 of 2 workers active  1m 05s left  checkpoint 10",
    );
    const paused = { ...status, state: "paused" as const, detail: "paused after step 12 by ann@laptop" };
    expect(statusLine(paused)).toMatch(/^paused after step 12 by ann@laptop {2}step 12\/250 /);
    expect(statusLine({ ...status, state: "failed", detail: "the loss is NaN" })).toMatch(
      /^failed \(the loss is NaN\) {2}/,
    );
  });
});
