import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { startLocalWorkers } from "../../../src/coordinator/index.js";
import type { CoxswainError } from "../../../src/errors.js";
import { temporaryFolder } from "../../support/processes.js";

const facts = { committed: () => 0, run: { microBatchSize: 8, maxLength: 1024, workers: 2 } };

it("local workers all compute on the first GPU", async () => {
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

it("a local worker that was told to leave is started again", async () => {
  const folder = temporaryFolder();
  const program = join(folder, "program.mjs");
  writeFileSync(program, `process.exit(process.env.CODE)`);
  const notes: string[] = [];
  const start = (...codes: number[]) =>
    startLocalWorkers({
      count: codes.length,
      coordinator: "127.0.0.1:9",
      token: null,
      args: [],
      environments: codes.map((code) => ({ CODE: String(code) })),
      logFolder: join(folder, "logs"),
      program,
      ...facts,
      note: (text) => notes.push(text),
      onFailure: () => undefined,
    });
  const workers = start(0, 130, 5);
  await vi.waitUntil(() => workers.pids.length === 0, 10_000);
  await workers.close();
  expect(new Set(notes)).toEqual(new Set(["local worker 2 ended (exit code 5); starting another"]));
});

it("a worker that is killed before it joins is given up after three deaths", async () => {
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
