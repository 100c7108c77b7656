/** Every script of bench/ in its smallest run: it still works, and prints the figures that bench/README.md names. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { projectFolder } from "../support/processes.js";

const run = promisify(execFile);
const bench = join(projectFolder, "bench");
const python = join(projectFolder, ".venv", "bin", "python");
const hasTorch = existsSync(python) && spawnSync(python, ["-c", "import torch, peft"]).status === 0;

/** What each script prints, and what it needs beside this project. */
const scripts: Record<string, { readonly prints: readonly RegExp[]; readonly needsTorch?: boolean }> = {
  "all-reduce": {
    prints: ["star", "mesh", "mesh\\+coordinator", "star bf16", "mesh bf16", "mesh\\+coordinator bf16"].map(
      // Processes, floats, median and best ms, CPU seconds; no ratio to Gloo.
      (variant) => new RegExp(`^ +2 +0\\.01 M +${variant} +[\\d.]+ +[\\d.]+ +[\\d.]+$`, "m"),
    ),
  },
  choosing: { prints: [/^\| max_steps: 2 \| [\d.]+ \| [\d.]+ \| [\d.]+ % \| \d+ \|$/m] },
  compare: { prints: [/^ratio +[\d.]+ +[\d.]+ +[\d.]+$/m, /^tokens\/s, round by round: [\d.]+$/m], needsTorch: true },
  coordinator: {
    prints: ["star", "mesh"].map(
      (name) =>
        new RegExp(`^${name} float32, 2 workers, .* step [\\d.]+ s, coordinator [\\d.]+ ms of processor a step$`, "m"),
    ),
  },
  coxswain_step: {
    prints: [
      /"tokens_per_second":[\d.]+/,
      /"peak_rss_bytes":\d+/,
      /"gemm_gflops":[\d.]+/,
      /"losses":\[[\d.]+,[\d.]+\]/,
    ],
  },
  gemm: { prints: [/^\{"rows":64,"inner":64,"columns":64,"threads":2,"gflops":[\d.]+\}$/m] },
  guard: { prints: [/^plain +\d+ MiB\/s/m, /^guarded +\d+ MiB\/s/m] },
  kernels: { prints: [/^65536 floats, ms per million$/m, /add +│ +[\d.]+ +│ +[\d.]+/, /AdamW +│ +[\d.]+ +│ +[\d.]+/] },
  "local-workers": {
    prints: [/engine alone [\d.]+ s for 2 shards/, /1x1 +[\d.]+ s a step .* % beside the engine; idle -?[\d.]+ %/],
  },
  "mixed-speeds": {
    prints: [/^shards a second alone: [\d.]+; 2 shards together: [\d.]+ s, at best [\d.]+ s, ratio [\d.]+$/m],
  },
  "scaling/measure": {
    prints: [/│ 'float32' +│ 'added' +│ [\d.]+ +│ [\d.]+/, /│ 'commit, 512 slices' +│ \d+ +│ 2 +│ [\d.]+ +│ [\d.]+/],
  },
  scaling: {
    prints: [/^\| 8 \| 1 M \| .*\|$/m, /^## The coordinator a step: /m, /the smallest number of workers from which/],
  },
  tokenise: {
    prints: [
      /^coxswain +[\d.]+ +\d+ +[\d.]+ +\d+$/m,
      /^again +[\d.]+ +\d+ +[\d.]+ +\d+$/m,
      /fingerprint [0-9a-f]{16}$/m,
    ],
  },
  "step-profile": {
    prints: [/^1 x 16: .* CPU s, \d+ tokens\/s, loss [\d.]+, peak \d+ MiB$/m, /^by operator: .*MatMul/m],
  },
};

/** Modules of the scripts, which are none themselves. */
const modules = ["shared"];

describe("bench/", () => {
  it.each(readdirSync(bench).filter((name) => name.endsWith(".mjs") && !modules.includes(name.slice(0, -4))))(
    "has a smoke run of %s below",
    (name) => {
      expect(Object.keys(scripts)).toContain(name.slice(0, -4));
    },
  );

  for (const [name, { prints, needsTorch = false }] of Object.entries(scripts)) {
    const skipped = needsTorch && !hasTorch;
    it.skipIf(skipped)(
      `${name}.mjs --smoke prints its figures${skipped ? " (skipped: no torch; tests/peers/setup.sh makes its environment)" : ""}`,
      async () => {
        const { stdout } = await run(process.execPath, [join(bench, `${name}.mjs`), "--smoke"]);
        for (const figure of prints) expect(stdout).toMatch(figure);
      },
    );
  }

  it.skipIf(!hasTorch)(
    `all-reduce.mjs --smoke compares with Gloo${hasTorch ? "" : " (skipped: no torch; tests/peers/setup.sh makes its environment)"}`,
    async () => {
      const args = [join(bench, "all-reduce.mjs"), "--smoke", "--variants", "gloo,star"];
      const { stdout } = await run(process.execPath, args);
      expect(stdout).toMatch(/^ +2 +0\.01 M +gloo +[\d.]+ +[\d.]+ +1\.00 +[\d.]+$/m);
      expect(stdout).toMatch(/^ +2 +0\.01 M +star +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$/m);
    },
  );
});
