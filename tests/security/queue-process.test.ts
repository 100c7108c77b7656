/** Without these, one poisoned run ends server after server, or a server that does not stop. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { executeJob } from "../../src/cli/serve/job.js";
import { loadRunObject } from "../../src/config/index.js";
import { isRunning } from "../../src/processes.js";
import { judgeError } from "../../src/queue/verdict.js";
import { temporaryFolder } from "../support/processes.js";

const run = loadRunObject({ model: "a/b", output_dir: "/o", data: { train: "/d" } }, "/");

interface Trial {
  readonly grace?: number;
  readonly patience?: number;
  readonly signal?: AbortSignal;
  readonly now?: AbortSignal;
}

/** Runs these statements as the process of the run. */
function execute(statements: string, { grace = 60_000, patience = 60_000, ...signals }: Trial = {}) {
  const entry = join(temporaryFolder(), "entry.mjs");
  writeFileSync(entry, statements);
  const never = new AbortController().signal;
  return executeJob(run, {
    resume: false,
    insecure: false,
    signal: never,
    now: never,
    grace,
    patience,
    entry,
    ...signals,
  });
}

const errorFrom = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a run that ends its process is rejected at the first time, with the reason", () => {
  it.each([
    ["aborts", "process.abort()", /^the process of the run was ended by SIGABRT$/],
    ["is killed", 'process.kill(process.pid, "SIGKILL")', /was ended by SIGKILL$/],
    ["crashes", 'process.kill(process.pid, "SIGSEGV")', /was ended by SIGSEGV$/],
    ["exits without a result", "process.exit(0)", /ended with exit code 0 and no result$/],
    ["throws", "throw new Error('x')", /ended with exit code 1 and no result$/],
  ])("one that %s", async (_, statements, message) => {
    const error = await errorFrom(execute(`process.once("message", () => { ${statements} });`));
    expect(judgeError(error, 1)).toMatchObject({ kind: "rejected", error: { code: "cluster" } });
    expect((error as Error).message).toMatch(message);
  });

  it("one that hangs", async () => {
    const error = await errorFrom(execute(`process.once("message", () => { for (;;); });`, { patience: 1_000 }));
    expect(judgeError(error, 1)).toMatchObject({ kind: "rejected" });
    expect((error as Error).message).toBe("the process of the run did not respond for 1 s and was ended");
  });
});

const hangs = `process.on("SIGTERM", () => undefined); process.once("message", () => { for (;;); });`;
const toldToHang = (then: (controller: AbortController) => void): AbortSignal => {
  const controller = new AbortController();
  then(controller);
  return controller.signal;
};

describe("a server that is stopped leaves in time, whatever its run does", () => {
  const returned = { outcome: { kind: "stopped", reason: "interrupted" }, adapter: undefined };

  it("after the time for the step in flight", async () => {
    const signal = toldToHang((controller) => controller.abort());
    expect(await execute(hangs, { signal, grace: 300 })).toMatchObject(returned);
  });

  it("immediately when it is told a second time", async () => {
    const signal = toldToHang((controller) => controller.abort());
    const now = toldToHang((controller) => setTimeout(() => controller.abort(), 300));
    expect(await execute(hangs, { signal, now })).toMatchObject(returned);
  });
});

it("a run's workers end with its process", async () => {
  const folder = temporaryFolder();
  const child = `import { fork } from "node:child_process"; import { writeFileSync } from "node:fs";
    writeFileSync(${JSON.stringify(join(folder, "worker.mjs"))}, "for (;;);");
    const worker = fork(${JSON.stringify(join(folder, "worker.mjs"))});
    process.once("message", () => process.send(
      { kind: "over", outcome: { kind: "stopped", reason: String(worker.pid), returning: false }, step: 3, adapter: undefined },
      () => process.abort(),
    ));`;
  const { outcome, step } = await execute(child);
  expect(step).toBe(3);
  const pid = Number(outcome.kind === "stopped" ? outcome.reason : NaN);
  expect(pid).toBeGreaterThan(0);
  await expect.poll(() => isRunning(pid)).toBe(false);
});

it("a result reaches the server as it is, and so does the error of a start", async () => {
  const report = (message: object): string =>
    `process.once("message", () => process.send(${JSON.stringify(message)}, () => process.exit(0)));`;
  expect(
    await execute(report({ kind: "over", outcome: { kind: "completed" }, step: 7, adapter: "/o/adapter" })),
  ).toMatchObject({ outcome: { kind: "completed" }, step: 7, adapter: "/o/adapter" });
  const error = { code: "data", message: "/d:3: not JSON", hint: null };
  await expect(execute(report({ kind: "threw", error }))).rejects.toMatchObject({
    code: "data",
    message: error.message,
  });
});
