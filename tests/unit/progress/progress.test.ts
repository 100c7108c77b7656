/** These tests protect: the knowledge that something long goes on, and how far it is, in a log as well. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../src/clock.js";
import { quietProgress } from "../../../src/cli/terminal/quiet-progress.js";
import { whileWorking } from "../../../src/async/while-working.js";
import { buildTokenStore, openTokenizer } from "../../../src/data/index.js";
import { modelManifest, nf4Model, openModelFolder } from "../../../src/model/index.js";
import { progressText, rarely } from "../../../src/progress.js";
import { goldenFolder } from "../../support/runs.js";

const folder = mkdtempSync(join(tmpdir(), "coxswain-progress-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("progress reports", () => {
  it.each([
    [{ what: "hashing the model", done: 1.2e9, total: 5e9, unit: "bytes" }, "hashing the model: 1.2 of 5.0 GB (24 %)"],
    [{ what: "hashing the model", done: 4e6, total: 5e6, unit: "bytes" }, "hashing the model: 4 of 5 MB (80 %)"],
    [{ what: "reading the data", done: 12_800, unit: "examples" }, "reading the data: 12,800 examples"],
    [{ what: "evaluating", done: 0, total: 25, unit: "shards" }, "evaluating: 0 of 25 shards (0 %)"],
    [{ what: "evaluating", done: 0, total: 0, unit: "shards" }, "evaluating: 0 of 0 shards"],
  ] as const)("%j is %s", (doing, text) => {
    expect(progressText(doing)).toBe(text);
  });

  it("are throttled", () => {
    const told: string[] = [];
    let now = 0;
    const doing = rarely({ tell: (text) => told.push(text), now: () => now });
    for (let done = 0; done < 1_000; done++, now++) doing({ what: "reading", done, unit: "examples" });
    expect(told).toEqual([200, 400, 600, 800].map((done) => `reading: ${done} examples`));
  });

  it("of a task that is over within an interval are not made, since a log would end with them", () => {
    const told: string[] = [];
    const doing = rarely({ tell: (text) => told.push(text), now: () => 5 });
    for (let done = 32; done <= 2_000; done += 32) doing({ what: "reading", done, unit: "examples" });
    expect(told).toEqual([]);
  });
});

describe("a command without a terminal", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const start = () => {
    const written: string[] = [];
    return { written, progress: quietProgress({ stream: { write: (text) => written.push(text) }, now: Date.now }) };
  };

  it("prints its current work and elapsed time every few seconds, on separate lines", () => {
    const { written, progress } = start();
    progress.show("loading the model");
    vi.advanceTimersByTime(11_000);
    progress.doing({ what: "reading the data", done: 300, unit: "examples" });
    vi.advanceTimersByTime(5_000);
    progress.close();
    vi.advanceTimersByTime(60_000);
    expect(written).toEqual([
      "loading the model, 5s so far\n",
      "loading the model, 10s so far\n",
      "reading the data: 300 examples, 15s so far\n",
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("prints nothing for quick work", () => {
    const { written, progress } = start();
    progress.show("loading the model");
    vi.advanceTimersByTime(4_900);
    progress.close();
    expect(written).toEqual([]);
  });

  it("prints progress even if the work blocks timers", () => {
    const { written, progress } = start();
    for (let second = 0; second < 12; second++) {
      vi.setSystemTime(Date.now() + 1_000);
      progress.show(`answers: ${second}`);
    }
    expect(written).toEqual(["answers: 4, 5s so far\n", "answers: 9, 10s so far\n"]);
    progress.close();
  });

  it("says that a worker is still loading its model", async () => {
    const said: number[] = [];
    const work = whileWorking(
      systemClock,
      (seconds) => said.push(seconds),
      () => new Promise<string>((resolve) => setTimeout(() => resolve("model"), 12_000)),
    );
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await work).toBe("model");
    expect(said).toEqual([5, 10]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("progress is available while", () => {
  const model = join(goldenFolder, "llama", "model");

  it("reading the data", async () => {
    const path = join(folder, "train.jsonl");
    writeFileSync(path, `${JSON.stringify({ text: "hello" })}\n`.repeat(600));
    const told: number[] = [];
    await buildTokenStore({
      source: path,
      data: {
        format: "text",
        max_length: 64,
        packing: false,
        assistant_only_loss: true,
        completion_only_loss: true,
        chat_template: null,
        chat_template_kwargs: {},
        turns: "all",
      },
      tokenizer: await openTokenizer(model),
      onProgress: (examples) => told.push(examples),
    });
    expect(told.at(-1)).toBe(600);
    expect(told.length).toBeGreaterThan(10);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  it("hashing a model, to the last byte", async () => {
    const told: (readonly [number, number])[] = [];
    const { files } = await modelManifest(model, {
      cacheDir: join(folder, "hashes"),
      onProgress: (done, total) => told.push([done, total]),
    });
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    expect(told.at(-1)).toEqual([bytes, bytes]);
    expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).toSorted((a, b) => a - b));
  });

  it("quantising a model", async () => {
    const opened = await openModelFolder(join(goldenFolder, "qwen3-nf4", "model"));
    const names = [...opened.tensors.keys()];
    const quantized = names.filter((name) => name.endsWith("_proj.weight"));
    const told: (readonly [number, number])[] = [];
    await nf4Model(
      opened,
      { quantized, kept: names.filter((name) => !quantized.includes(name)) },
      { cacheDir: join(folder, "nf4"), onProgress: (done, total) => told.push([done, total]) },
    );
    const bytes = quantized.reduce((sum, name) => sum + (opened.tensors.get(name)?.byteLength ?? 0), 0);
    expect(told.at(-1)).toEqual([bytes, bytes]);
  });
});
