/** The library in a program of its own: trained, followed, aborted, and everything closed. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { coxswain, projectFolder, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, quickstartData, quickstartModel, stepLines } from "../support/runs.js";

const execute = promisify(execFile);

const run = {
  model: quickstartModel,
  output_dir: "out",
  workers: 2,
  data: { train: join(quickstartData, "train.jsonl"), max_length: 256 },
  training: { max_steps: 3, global_batch_size: 8, micro_batch_size: 2 },
  cluster: { listen: "127.0.0.1:0", min_workers: 2 },
  telemetry: { http: "127.0.0.1:0" },
};

/** Prints what is still open, and ends by itself only where nothing keeps it. */
const prologue = `
import { readdirSync, readFileSync } from "node:fs";
import { train, startCoordinator, startWorker, preview, generate, evaluate } from ${JSON.stringify(join(projectFolder, "dist", "index.js"))};
const run = ${JSON.stringify(run)};
const listeners = () => process.eventNames().flatMap((name) => process.listeners(name)).length;
const listenersBefore = listeners();
// The pipe to the test is not the library's.
const pipes = ["PipeWrap"];
const report = {};
const finish = async () => {
  // What is closing takes a turn of the event loop or two.
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  report.open = process.getActiveResourcesInfo().filter((name) => !pipes.includes(name));
  report.listeners = listeners() - listenersBefore;
  report.children = readdirSync("/proc").filter((pid) => /^\\d+$/.test(pid)).filter((pid) => {
    try { return new RegExp("^PPid:\\\\s+" + process.pid + "$", "m").test(readFileSync("/proc/" + pid + "/status", "utf8")); }
    catch { return false; }
  }).length;
  console.log(JSON.stringify(report));
};
`;

/** Runs a program that uses the library, to its natural end. @returns its report */
async function program(text: string): Promise<Record<string, unknown>> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "program.mjs"), `${prologue}${text}\nawait finish();\n`);
  const { stdout, stderr } = await execute(process.execPath, ["program.mjs"], { cwd: folder, timeout: 120_000 });
  expect(stderr).toBe("");
  // It is all that is printed: the library says nothing.
  const report = JSON.parse(stdout) as Record<string, unknown>;
  expect(report).toMatchObject({ open: [], children: 0, listeners: 0 });
  return { ...report, folder };
}

describe("the library", () => {
  it("trains to the command line's bits, tells every step, and closes what it opened", async () => {
    const report = await program(`
      const training = await train(run);
      report.steps = [];
      for await (const step of training.steps) report.steps.push(step);
      report.events = [];
      for await (const { event } of training.events) report.events.push(event);
      report.result = await training.result;
      report.status = training.status().state;
    `);
    const output = join(report["folder"] as string, "out");
    expect(report["result"]).toEqual({ adapter: join(output, "adapter"), steps: 3 });
    expect(report["status"]).toBe("completed");
    expect(report["steps"]).toEqual(stepLines(output));
    expect(report["events"]).toEqual(expect.arrayContaining(["run_started", "worker_joined", "run_finished"]));

    const folder = temporaryFolder();
    expect((await coxswain(["train", writeRun(folder, run)])).code).toBe(0);
    expect(adapterBytes(output).equals(adapterBytes(join(folder, "out")))).toBe(true);
  });

  it("saves the step in flight where the signal is aborted, and goes on from there with resume", async () => {
    const report = await program(`
      const aborter = new AbortController();
      const long = { ...run, training: { ...run.training, max_steps: 1000, lr_scheduler_type: "constant" } };
      const training = await train(long, { signal: aborter.signal });
      for await (const { step } of training.steps) if (step === 2) aborter.abort(new Error("enough"));
      report.error = await training.result.catch(({ name, code, cause }) => ({ name, code, cause: cause.message }));
      report.step = training.status().step;
      const again = new AbortController();
      const resumed = await train(long, { resume: true, signal: again.signal });
      for await (const { step } of resumed.steps) { report.next ??= step; again.abort(); }
      await resumed.close();
    `);
    expect(report["error"]).toEqual({ name: "CoxswainError", code: "interrupted", cause: "enough" });
    expect(report["step"]).toBeGreaterThanOrEqual(2);
    expect(report["next"]).toBe((report["step"] as number) + 1);
  });

  it("leads and computes in one process, pauses, saves, and closes before the end", async () => {
    const report = await program(`
      const long = { ...run, training: { ...run.training, max_steps: 1000 }, cluster: { listen: "127.0.0.1:0", min_workers: 1 } };
      const training = await startCoordinator(long);
      const worker = await startWorker({ coordinator: training.address });
      for await (const { step } of training.steps) if (step === 1) break;
      await training.pause("a test");
      await training.resume("a test");
      report.checkpoint = await training.checkpoint();
      await training.close();
      report.code = await training.result.catch(({ code }) => code);
      report.worker = await worker.result;
    `);
    expect(report["checkpoint"]).toMatchObject({ path: expect.stringContaining("step-0000") as unknown });
    expect(report["code"]).toBe("interrupted");
    expect(report["worker"]).toBe("interrupted");
  });

  it("ends a run, and closes it, where a function of the caller throws", async () => {
    const report = await program(`
      const quiet = { step() {}, note() {}, waiting() {} };
      const boom = () => { throw new Error("boom"); };
      const ending = (starting) => starting.then(({ result }) => result).catch(({ code, message }) => code + ": " + message);
      const throwing = (name) => ({ view: { ...quiet, [name]: boom } });
      report.ends = [];
      for (const options of [throwing("step"), throwing("note"), throwing("waiting"), { onListening: boom }])
        report.ends.push(await ending(train({ ...run, output_dir: "out" + report.ends.length }, options)));
      // In the handler of a process that ended, where nobody could catch it.
      const long = { ...run, output_dir: "long", training: { ...run.training, max_steps: 1000 } };
      const note = (text) => { if (text.includes("starting another")) boom(); };
      const training = await train(long, { view: { ...quiet, note } });
      for await (const { step } of training.steps) if (step === 1) break;
      const children = readdirSync("/proc").filter((pid) => {
        try { return new RegExp("^PPid:\\\\s+" + process.pid + "$", "m").test(readFileSync("/proc/" + pid + "/status", "utf8")); }
        catch { return false; }
      });
      process.kill(Number(children[0]), "SIGKILL");
      report.ends.push(await ending(Promise.resolve(training)));
      const leading = await startCoordinator({ ...run, output_dir: "lead" });
      const worker = await startWorker({ coordinator: leading.address, onLog: boom });
      report.ends.push(await ending(Promise.resolve(worker)));
      await leading.close();
    `);
    const functions = ["view.step", "view.note", "view.waiting", "onListening", "view.note", "onLog"];
    expect(report["ends"]).toEqual(functions.map((name) => `usage: ${name} threw: boom`));
  });

  it("ends a start while the data are read, where the signal is aborted", async () => {
    const report = await program(`
      const many = Array(40).fill(run.data.train);
      const aborter = new AbortController();
      const view = { step() {}, note() {}, waiting: (text) => { if (/examples/.test(text)) aborter.abort(); report.last = text; } };
      const code = train({ ...run, data: { ...run.data, train: many } }, { view, signal: aborter.signal }).catch(({ code }) => code);
      report.code = await code;
    `);
    expect(report["code"]).toBe("interrupted");
    expect(report["last"]).toMatch(/^reading the data: /);
  });

  it("starts workers without the options of the program's own node", async () => {
    const folder = temporaryFolder();
    const text = `${prologue}report.result = await (await train({ ...run, training: { ...run.training, max_steps: 1 } })).result;\nawait finish();`;
    const options = ["--input-type=module", "--import", "data:text/javascript,process.send?.(1)"];
    const { stdout } = await execute(process.execPath, [...options, "--eval", text], { cwd: folder, timeout: 60_000 });
    expect(JSON.parse(stdout)).toMatchObject({ result: { steps: 1 }, children: 0 });
  });

  it("closes a run for which no worker has come, and a failure nobody looks at does not end the process", async () => {
    const report = await program(`
      const training = await startCoordinator(run);
      await training.close();
      report.step = training.status().step;
    `);
    expect(report["step"]).toBe(0);
  });

  it("previews, asks and measures a model, and closes it", async () => {
    const report = await program(`
      const data = await preview(run);
      report.rows = data.rowCount;
      report.first = (await data.row(0)).tokens === data.tokens(0).inputIds.length;
      const answer = generate({ model: run.model, prompt: "dance music in the garage", maxNewTokens: 8 });
      report.pieces = [];
      for await (const text of answer) report.pieces.push(text);
      report.answer = await answer.result;
      report.loss = (await evaluate({ run, data: run.data.train, limit: 2 })).loss;
    `);
    expect(report["rows"]).toBe(2000);
    expect(report["first"]).toBe(true);
    expect((report["pieces"] as string[]).join("")).toBe((report["answer"] as { text: string }).text);
    expect(report["loss"]).toBeGreaterThan(0);
  });
});
