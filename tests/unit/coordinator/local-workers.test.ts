import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { startLocalWorkers } from "../../../src/coordinator/index.js";
import { temporaryFolder } from "../../support/processes.js";

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
      note: (text) => notes.push(text),
      onFailure: () => undefined,
    });
  const workers = start(0, 130, 5);
  await vi.waitUntil(() => workers.pids.length === 0, 10_000);
  await workers.close();
  expect(new Set(notes)).toEqual(new Set(["local worker 2 ended (exit code 5); starting another"]));
});
