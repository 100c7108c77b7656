/** Mistakes of a program that uses the library: each is a CoxswainError that names the key. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  evaluate,
  generate,
  loadRun,
  merge,
  preview,
  startCoordinator,
  startWorker,
  train,
} from "../../../src/index.js";
import { temporaryFolder, writeRun } from "../../support/processes.js";

const run = { model: "m", output_dir: "out", data: { train: "d.jsonl" } };
/** As JavaScript calls it. */
const untyped = (value: unknown): never => value as never;

describe("a run given as an object", () => {
  it("has a run file's defaults, and paths from the working directory", async () => {
    const { config, isGiven } = await loadRun({ ...run, training: { max_steps: 3 } });
    expect(config.training).toMatchObject({ max_steps: 3, learning_rate: 2e-4 });
    expect(config.output_dir).toBe(join(process.cwd(), "out"));
    expect(isGiven("training.max_steps")).toBe(true);
    expect(isGiven("cluster.listen")).toBe(false);
  });

  it("has paths from the working directory of the call, wherever the program goes meanwhile", async () => {
    const before = process.cwd();
    const loading = loadRun(run);
    process.chdir("/");
    try {
      expect((await loading).config.output_dir).toBe(join(before, "out"));
    } finally {
      process.chdir(before);
    }
  });

  it("ignores keys whose value is undefined", async () => {
    expect((await loadRun({ ...run, workers: undefined })).config.workers).toBe(1);
  });

  it.each([
    [
      { ...run, training: { lerning_rate: 1 } },
      'the run: training.lerning_rate: unknown key (did you mean "learning_rate"?)',
    ],
    [{ ...run, workers: "two" }, 'the run: workers: expected a whole number, not "two"'],
    [
      { ...run, model: () => "m" },
      "the run: model: expected text, a number, true, false, null, a list or keys, not a value of type function",
    ],
    [
      { ...run, model: new URL("file:///m") },
      "the run: model: expected text, a number, true, false, null, a list or keys, not an object of class URL",
    ],
    [{ output_dir: "out", data: { train: "d" } }, /^the run: model: required/],
    [[], "the run: expected an object with the keys of a run file, not a list"],
    [null, "the run: expected an object with the keys of a run file, not null"],
    [{ ...run, seed: Number.NaN }, "the run: seed: expected a whole number, not NaN"],
    [{ ...run, cluster: { min_workers: 0 } }, "the run: cluster.min_workers: must be more than 0, not 0"],
  ])("%j is refused by its key", async (wrong, message) => {
    await expect(train(untyped(wrong))).rejects.toMatchObject({ name: "CoxswainError", code: "config" });
    await expect(train(untyped(wrong))).rejects.toThrow(message);
  });

  it("names every problem at once", async () => {
    const wrong = untyped({ ...run, a: 1, b: () => 2 });
    await expect(startCoordinator(wrong)).rejects.toThrow(/^the run has 2 problems:\n {2}the run: /);
  });
});

describe("overrides", () => {
  it("go over a run file, section by section; lists are replaced", async () => {
    const file = writeRun(temporaryFolder(), { ...run, lora: { r: 4, target_modules: ["q_proj", "v_proj"] } });
    const { config } = await loadRun(file, { lora: { target_modules: ["o_proj"] }, workers: 3 });
    expect(config).toMatchObject({ workers: 3, lora: { r: 4, target_modules: ["o_proj"] } });
  });

  it.each([
    [{ lora: { rank: 4 } }, /^overrides: lora\.rank: unknown key/],
    [{ workers: true }, /^overrides: workers: expected a whole number, not true/],
    [{ model: Symbol("m") }, /^overrides: model: expected text/],
    [{ training: 3 }, /^overrides: training: expected a section of keys, not 3/],
  ])("%o are refused by their key", async (wrong, message) => {
    await expect(loadRun(run, untyped(wrong))).rejects.toThrow(message);
  });
});

describe("options", () => {
  it.each([
    [() => train(run, untyped({ resumee: true })), 'train(): unknown option "resumee" (did you mean "resume"?)'],
    [() => train(run, untyped({ resume: "yes" })), "train(): resume: expected true or false, not text"],
    [() => train(run, untyped({ signal: {} })), "train(): signal: expected an AbortSignal, not an object"],
    [() => train(run, untyped({ stay: true })), 'train(): unknown option "stay"'],
    [() => startWorker(untyped({})), "startWorker(): coordinator is missing"],
    [() => startWorker(untyped({ coordinator: 7070 })), "startWorker(): coordinator: expected text, not 7070"],
    [
      () => train(run, untyped({ view: { step: () => undefined } })),
      "train(): view: expected an object with the functions step, note and waiting, not an object",
    ],
    [
      () => startWorker(untyped({ coordinator: "a:1", tls: { cas: "x" } })),
      'startWorker(): tls: unknown option "cas" (did you mean "ca"?)',
    ],
    [
      () => startWorker({ coordinator: "a:1", token: "a\nb" }),
      "startWorker(): token: expected text in printable ASCII without spaces, not text",
    ],
    [
      () => startWorker({ coordinator: "a:1", reconnectTimeout: -1 }),
      "startWorker(): reconnectTimeout: expected a number of 0 or more, not -1",
    ],
    [() => evaluate({ model: "m", data: [] }), "evaluate(): data: expected text or a list of texts, not an empty list"],
    [() => evaluate({ model: "m", data: "d", overrides: {} }), "evaluate(): `overrides` are given without `run`"],
    [() => evaluate({}), "evaluate(): without `run`, `model` or `adapter` is needed"],
    [() => evaluate(untyped({ model: "m", limit: 0 })), "evaluate(): limit: expected a whole number above 0, not 0"],
    [() => merge(untyped({ adapter: "a" })), "merge(): output is missing"],
    [() => preview(run, untyped({ split: "test" })), 'preview(): split: expected one of "train", "eval", not text'],
    [() => generate({ model: "m" }).result, /neither `prompt` nor `messages` is given/],
    [() => generate(untyped({ model: "m", prompt: 3 })).result, "generate(): prompt: expected text, not 3"],
    [() => generate({ model: "m", prompt: "x", topP: 0 }).result, /top-p is 0/],
    [() => generate({ model: "m", prompt: "x", messages: [] }).result, /messages and prompt can't be given together/],
    [() => generate(untyped(undefined)).result, /expected an object of options, not undefined/],
  ])("that are wrong are refused by their name: %s", async (call, message) => {
    await expect(call()).rejects.toMatchObject({ name: "CoxswainError", code: "usage" });
    await expect(call()).rejects.toThrow(message);
  });

  it("that are functions are named where they throw", async () => {
    const cause = new Error("no");
    const onProgress = (): never => {
      throw cause;
    };
    const folder = temporaryFolder();
    const expected = { code: "usage", message: "onProgress threw: no", cause };
    const generation = generate({ model: folder, prompt: "x", onProgress });
    await expect(generation.result).rejects.toMatchObject(expected);
    await expect(evaluate({ model: folder, data: "d", onProgress })).rejects.toMatchObject(expected);
  });

  it("an aborted signal ends each function before it begins, with the signal's reason as cause", async () => {
    const signal = AbortSignal.abort("no time");
    const calls = [
      train(run, { signal }),
      startCoordinator(run, { signal }),
      startWorker({ coordinator: "127.0.0.1:1", signal }),
      evaluate({ model: "m", data: "d", signal }),
      generate({ model: "m", prompt: "x", signal }).result,
      merge({ adapter: "a", output: "o", signal }),
      preview(run, { signal }),
    ];
    for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[])
      expect(reason).toMatchObject({ name: "CoxswainError", code: "interrupted", cause: "no time" });
  });
});
