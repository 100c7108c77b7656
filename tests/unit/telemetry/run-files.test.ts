/** These tests protect: the record of a run is whole after a kill, and no run is written over another. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JsonLinesFile } from "../../../src/telemetry/json-lines.js";
import { openRunFiles, readRunRecord, type StepLine } from "../../../src/telemetry/index.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-files-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const line = (step: number): StepLine => ({
  step,
  epoch: step / 10,
  loss: 1.5,
  grad_norm: 0.5,
  learning_rate: 2e-4,
  tokens: 1024,
  supervised_tokens: 512,
  tokens_per_second: 100.5,
  step_seconds: 10.25,
  workers: 2,
});
const metricsOf = (dir: string): unknown[] =>
  readFileSync(join(dir, "metrics.jsonl"), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((text) => JSON.parse(text) as unknown);

describe("the files of a run", () => {
  it("have one line per step and per event, with keys in the documented order", () => {
    const dir = join(folder, "runs/new");
    const files = openRunFiles(dir);
    files.appendMetrics(line(1));
    files.appendMetrics({ step: 1, eval_loss: 2.5 });
    files.appendEvent({ time: "2026-01-02T03:04:05.000Z", event: "worker_joined", worker: "a", workers: 1 });
    files.close();
    expect(readFileSync(join(dir, "metrics.jsonl"), "utf8")).toBe(
      '{"step":1,"epoch":0.1,"loss":1.5,"grad_norm":0.5,"learning_rate":0.0002,"tokens":1024,"supervised_tokens":512,' +
        '"tokens_per_second":100.5,"step_seconds":10.25,"workers":2}\n{"step":1,"eval_loss":2.5}\n',
    );
    expect(readFileSync(join(dir, "events.jsonl"), "utf8")).toBe(
      '{"time":"2026-01-02T03:04:05.000Z","event":"worker_joined","worker":"a","workers":1}\n',
    );
  });

  it("are on disk as soon as a step is reported, so that a kill loses none", () => {
    const files = openRunFiles(folder);
    files.appendMetrics(line(1));
    expect(metricsOf(folder)).toHaveLength(1);
    files.flush();
    files.close();
  });

  it("stay valid JSON when a number is not finite", () => {
    const files = openRunFiles(folder);
    files.appendMetrics({ step: 1, eval_loss: Infinity });
    files.close();
    expect(metricsOf(folder)).toEqual([{ step: 1, eval_loss: null }]);
  });
});

describe("a resumed run", () => {
  const write = (): void => {
    const files = openRunFiles(folder);
    for (const step of [1, 2, 3, 4]) files.appendMetrics(line(step));
    files.appendMetrics({ step: 2, eval_loss: 1 });
    files.appendEvent({ time: "t", event: "run_started" });
    files.close();
  };

  it("drops the steps after its checkpoint and a partial line, and continues in the same file", () => {
    write();
    appendFileSync(join(folder, "metrics.jsonl"), '{"step":5,"epo');
    appendFileSync(join(folder, "events.jsonl"), '{"time":');
    const files = openRunFiles(folder, { resumeStep: 2 });
    files.appendMetrics(line(3));
    files.appendEvent({ time: "u", event: "run_resumed", step: 2 });
    files.close();
    expect(metricsOf(folder)).toEqual([line(1), line(2), { step: 2, eval_loss: 1 }, line(3)]);
    expect(readFileSync(join(folder, "events.jsonl"), "utf8")).toBe(
      '{"time":"t","event":"run_started"}\n{"time":"u","event":"run_resumed","step":2}\n',
    );
    expect(readdirSync(folder).sort()).toEqual([".committing", "events.jsonl", "metrics.jsonl"]);
  });

  it("knows the engine of its steps, whichever workers there were", () => {
    write();
    expect(readRunRecord(folder).computation).toBeUndefined();
    const files = openRunFiles(folder, { resumeStep: 4 });
    files.appendEvent({ time: "u", event: "engine_chosen", engine: "tfjs", backend: "wasm", device: "cpu" });
    files.appendEvent({ time: "v", event: "worker_left", worker: "a", engine: "onnx" });
    files.close();
    expect(readRunRecord(folder).computation).toEqual({ engine: "tfjs", backend: "wasm", device: "cpu" });
  });

  it("waits for nobody after a stop, before which everything was saved", () => {
    const worker = { worker: "a", host: "h", pid: 7 };
    const files = openRunFiles(folder);
    files.appendEvent({ time: "t", event: "worker_joined", ...worker });
    expect(readRunRecord(folder).workers).toEqual([{ host: "h", pid: 7 }]);
    files.appendEvent({ time: "u", event: "run_stopped", step: 3 });
    expect(readRunRecord(folder).workers).toEqual([]);
    files.appendEvent({ time: "v", event: "worker_joined", ...worker });
    files.close();
    expect(readRunRecord(folder).workers).toEqual([{ host: "h", pid: 7 }]);
  });

  it("has the line of the step that it continues from, even if its coordinator died before writing it", () => {
    write();
    const killed = openRunFiles(folder, { resumeStep: 4 });
    killed.committing({ ...line(4), loss: 0.123456789 });
    killed.committing(line(5));
    killed.close();
    // A worker has applied it.
    const files = openRunFiles(folder, { resumeStep: 4 });
    files.rewind(5);
    files.rewind(5);
    files.close();
    expect(metricsOf(folder)).toEqual([line(1), line(2), line(3), line(4), { step: 2, eval_loss: 1 }, line(5)]);
    // A checkpoint holds it, and its evaluation was not made.
    writeFileSync(join(folder, "metrics.jsonl"), '{"step":4}\n{"step":5,"eval_loss":1}\n');
    openRunFiles(folder, { resumeStep: 5 }).close();
    expect(metricsOf(folder)).toEqual([{ step: 4 }, { step: 5, eval_loss: 1 }, line(5)]);
    // Nobody has it.
    openRunFiles(folder, { resumeStep: 4 }).close();
    expect(metricsOf(folder)).toEqual([{ step: 4 }]);
  });

  it("keeps a complete last line without a line break", () => {
    write();
    writeFileSync(join(folder, "metrics.jsonl"), '{"step":1}\n{"step":2}');
    const files = openRunFiles(folder, { resumeStep: 2 });
    files.appendMetrics(line(3));
    files.close();
    expect(metricsOf(folder)).toEqual([{ step: 1 }, { step: 2 }, line(3)]);
  });

  it("keeps no step if it resumes from the start", () => {
    write();
    openRunFiles(folder, { resumeStep: 0 }).close();
    expect(metricsOf(folder)).toEqual([]);
  });

  it("is a new run if nothing was saved", () => {
    openRunFiles(join(folder, "none"), { resumeStep: 0 }).close();
    expect(existsSync(join(folder, "none/metrics.jsonl"))).toBe(true);
  });
});

describe("a new run in the folder of another", () => {
  const hint = "Use --resume (`resume: true` in a program) to continue it, or choose another output_dir.";

  it.each([
    [
      "steps",
      "steps of a run (metrics.jsonl)",
      (dir: string) => writeFileSync(join(dir, "metrics.jsonl"), '{"step":1}\n'),
    ],
    [
      "checkpoints",
      "checkpoints of a run (checkpoints/)",
      (dir: string) => mkdirSync(join(dir, "checkpoints/step-000100"), { recursive: true }),
    ],
    [
      "an adapter",
      "a finished run (adapter/)",
      (dir: string) => {
        mkdirSync(join(dir, "adapter"));
        writeFileSync(join(dir, "adapter/adapter_config.json"), "{}");
      },
    ],
  ])("is rejected if it contains %s, with the alternatives", (_, found, prepare) => {
    prepare(folder);
    const before = readdirSync(folder);
    expect(() => openRunFiles(folder)).toThrow(
      expect.objectContaining({ code: "config", message: `output_dir: ${folder} already holds ${found}`, hint }),
    );
    expect(readdirSync(folder)).toEqual(before);
  });

  it("is allowed if that one never reached its first step", () => {
    openRunFiles(folder).close();
    expect(() => {
      openRunFiles(folder).close();
    }).not.toThrow();
  });
});

describe("a disk error", () => {
  it("names a folder that cannot be created", () => {
    writeFileSync(join(folder, "file"), "");
    const dir = join(folder, "file/run");
    expect(() => openRunFiles(dir)).toThrow(
      expect.objectContaining({
        code: "storage",
        exitCode: 6,
        message: expect.stringMatching(`^${dir}: cannot be written: `) as string,
      }),
    );
  });

  it("says that the disk is full", () => {
    const path = join(folder, "full.jsonl");
    const file = new JsonLinesFile(path, () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    });
    expect(() => {
      file.append({ step: 1 });
    }).toThrow(expect.objectContaining({ code: "storage", message: `${path}: the disk is full` }));
    file.close();
  });
});
