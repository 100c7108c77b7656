import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { startLocalWorkers } from "../../../src/local-workers/index.js";
import type { CoxswainError } from "../../../src/errors.js";
import { temporaryFolder } from "../../support/processes.js";

const facts = { committed: () => 0, isEnding: () => false, run: { microBatchSize: 8, maxLength: 1024, workers: 2 } };

it("gives each local worker its own GPU", async () => {
  const folder = temporaryFolder();
  const program = join(folder, "program.mjs");
  writeFileSync(
    program,
    `
      import { writeFileSync } from "node:fs";
      writeFileSync(${JSON.stringify(join(folder, "gpu-"))} + process.env.CUDA_VISIBLE_DEVICES, "");
    `,
  );
  const workers = startLocalWorkers({
    count: 2,
    coordinator: "127.0.0.1:9",
    token: null,
    args: [],
    environments: [{ CUDA_VISIBLE_DEVICES: "0" }, { CUDA_VISIBLE_DEVICES: "1" }],
    logFolder: join(folder, "logs"),
    program,
    ...facts,
    note: () => undefined,
    onFailure: () => undefined,
  });
  await vi.waitUntil(() => [0, 1].every((gpu) => existsSync(join(folder, `gpu-${gpu}`))), 10_000);
  await workers.close();
});

/** Workers that end with these codes as soon as they are started. */
function startLeaving(codes: readonly number[], isEnding: () => boolean) {
  const folder = temporaryFolder();
  const program = join(folder, "program.mjs");
  const starts = join(folder, "starts");
  writeFileSync(starts, "");
  writeFileSync(
    program,
    `
      import { appendFileSync } from "node:fs";
      appendFileSync(${JSON.stringify(starts)}, process.env.CODE + "\\n");
      process.exit(process.env.CODE);
    `,
  );
  const notes: string[] = [];
  const failures: CoxswainError[] = [];
  const workers = startLocalWorkers({
    count: codes.length,
    coordinator: "127.0.0.1:9",
    token: null,
    args: [],
    environments: codes.map((code) => ({ CODE: String(code) })),
    logFolder: join(folder, "logs"),
    program,
    ...facts,
    isEnding,
    note: (text) => notes.push(text),
    onFailure: (error) => failures.push(error),
  });
  const started = (): string[] => readFileSync(starts, "utf8").trim().split("\n").sort();
  return { workers, notes, failures, started };
}

it("replaces workers that left after SIGTERM", async () => {
  const { workers, notes, failures, started } = startLeaving([0, 130], () => false);
  await vi.waitUntil(() => failures.length === 2, 15_000);
  await workers.close();
  expect(started()).toEqual(["0", "0", "0", "130", "130", "130"]);
  expect(notes.sort()).toEqual([
    "local worker 0 ended (exit code 0); starting another",
    "local worker 0 ended (exit code 0); starting another",
    "local worker 1 left after SIGTERM; starting another",
    "local worker 1 left after SIGTERM; starting another",
  ]);
  expect(failures.map(({ message }) => message).sort()).toEqual([
    "local worker 0 died 3 times without a step in between (exit code 0)",
    "local worker 1 died 3 times without a step in between (exit code 130)",
  ]);
});

it("restarts no worker of a stopped run, even if the workers get the signal first", async () => {
  let asked = 0;
  const { workers, notes, failures, started } = startLeaving([0, 130], () => ++asked > 0);
  await vi.waitUntil(() => asked === 2, 15_000);
  await workers.close();
  expect([notes, failures, started()]).toEqual([[], [], ["0", "130"]]);
});

it("gives up on a worker that is killed before it joins after three deaths", async () => {
  const folder = temporaryFolder();
  const program = join(folder, "program.mjs");
  writeFileSync(program, `process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000)`);
  const notes: string[] = [];
  const failures: CoxswainError[] = [];
  const workers = startLocalWorkers({
    count: 1,
    coordinator: "127.0.0.1:9",
    token: null,
    args: [],
    logFolder: join(folder, "logs"),
    program,
    ...facts,
    note: (text) => notes.push(text),
    onFailure: (error) => failures.push(error),
  });
  await vi.waitUntil(() => failures.length > 0, 15_000);
  expect(notes).toEqual(Array(2).fill("local worker 0 ended (SIGKILL); starting another"));
  expect(failures[0]?.message).toMatch(/^local worker 0 died 3 times without a step in between \(SIGKILL\): /);
  expect(workers.pids).toEqual([]);
  await workers.close();
});
