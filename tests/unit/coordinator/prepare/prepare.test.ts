import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runSchema, type RunConfig } from "../../../../src/config/index.js";
import { checkpointWriter } from "../../../../src/coordinator/checkpoints/run-checkpoint.js";
import { prepareRun, type PreparedRun } from "../../../../src/coordinator/prepare/prepare.js";
import { golden, temporaryFolder, writeFolder } from "../../model/helpers.js";

const template =
  "{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ '<s>' + m['role'] + m['content'] + '</s>' }}{% endfor %}";

/** A run whose template writes today's date, in a folder of its own. */
function datedRun(): RunConfig {
  const output = temporaryFolder();
  const turns = [
    { role: "user", content: "which day is it?" },
    { role: "assistant", content: "it is above" },
  ];
  writeFolder(output, { "train.jsonl": `${JSON.stringify({ messages: turns })}\n` });
  return runSchema.parse({
    model: golden("llama/model"),
    output_dir: output,
    data: { train: join(output, "train.jsonl"), chat_template: template },
    lora: { r: 2, target_modules: ["q_proj"] },
  });
}

const prepare = (config: RunConfig, now: Date, resume: boolean): Promise<PreparedRun> =>
  prepareRun(config, { resume, note: () => undefined, progress: () => undefined, now: () => now });

const firstEvening = new Date(2026, 10, 25, 23, 59, 30);
const nextDay = new Date(2026, 10, 26, 8, 0, 0);

describe("a run whose chat template writes the date can be resumed on another day", () => {
  it("with the tokens of the day when it was started", async () => {
    const config = datedRun();
    const started = await prepare(config, firstEvening, false);
    expect(started.startedAt).toBe("2026-11-25T23:59:30");
    const folder = await checkpointWriter(started)(started.replica.snapshot());

    const resumed = await prepare(config, nextDay, true);
    expect(resumed.checkpoint).toBe(folder);
    expect(resumed.train.fingerprint).toBe(started.train.fingerprint);
    // The next checkpoint says the first day again.
    expect(resumed.startedAt).toBe(started.startedAt);
    // The date does reach the tokens.
    expect((await prepare(config, nextDay, false)).train.fingerprint).not.toBe(started.train.fingerprint);
  });

  it("with those of the day when it was restarted, if there is no checkpoint yet", async () => {
    expect((await prepare(datedRun(), nextDay, true)).startedAt).toBe("2026-11-26T08:00:00");
  });

  it("from a checkpoint without the date: on the same day only", async () => {
    const config = datedRun();
    const started = await prepare(config, firstEvening, false);
    const path = join(await checkpointWriter(started)(started.replica.snapshot()), "trainer_state.json");
    const { started_at: day, ...older } = JSON.parse(readFileSync(path, "utf8")) as { started_at: string };
    expect(day).toBe("2026-11-25T23:59:30");
    writeFileSync(path, JSON.stringify(older));
    expect((await prepare(config, firstEvening, true)).train.fingerprint).toBe(started.train.fingerprint);
    await expect(prepare(config, nextDay, true)).rejects.toMatchObject({ code: "config" });
  });
});

describe("a run that cannot be resumed is not overwritten: --resume refuses, and changes nothing", () => {
  /** A run with one checkpoint, and perhaps an adapter. */
  async function savedRun(adapter = true): Promise<{ config: RunConfig; checkpoint: string }> {
    const config = datedRun();
    const run = await prepare(config, firstEvening, false);
    const checkpoint = await checkpointWriter(run)(run.replica.snapshot());
    if (adapter) writeFolder(join(config.output_dir, "adapter"), { "adapter_model.safetensors": "trained" });
    return { config, checkpoint };
  }

  it.each([
    [
      "optimizer.safetensors is cut",
      "optimizer.safetensors",
      (path: string) => truncateSync(path, 9),
      /expected .* found 9/,
    ],
    ["trainer_state.json is broken", "trainer_state.json", (path: string) => writeFileSync(path, "{"), /not JSON/],
    [
      "the adapter is missing",
      "adapter_model.safetensors",
      (path: string) => rmSync(path),
      /no such file|does ?n.t exist/,
    ],
  ])("its only checkpoint is damaged: %s", async (_, name, damage, why) => {
    for (const adapter of [true, false]) {
      const { config, checkpoint } = await savedRun(adapter);
      damage(join(checkpoint, name));
      const error = await prepare(config, firstEvening, true).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "storage", hint: expect.stringContaining("another output_dir") as string });
      expect((error as Error).message).toContain(join(checkpoint, name));
      expect((error as Error).message).toMatch(why);
    }
  });

  it("its checkpoints were removed, and its adapter exists", async () => {
    const { config } = await savedRun();
    rmSync(join(config.output_dir, "checkpoints"), { recursive: true });
    await expect(prepare(config, firstEvening, true)).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("holds an adapter (adapter/) but no checkpoint") as string,
      hint: expect.stringContaining("lora.init_adapter") as string,
    });
  });

  it("its checkpoint was renamed", async () => {
    const { config, checkpoint } = await savedRun(false);
    renameSync(checkpoint, `${checkpoint}-best`);
    await expect(prepare(config, firstEvening, true)).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("step-000000-best") as string,
    });
  });

  it("but one interrupted before its first checkpoint starts again, with the same settings only", async () => {
    const config = datedRun();
    writeFolder(config.output_dir, { "metrics.jsonl": "", "checkpoints/.step-000001.h.1.00000000.incoming/x": "" });
    const again = (asked: RunConfig): Promise<PreparedRun> =>
      prepareRun(asked, {
        resume: true,
        before: config,
        note: () => undefined,
        progress: () => undefined,
        now: () => firstEvening,
      });
    expect((await again(config)).replica.step).toBe(0);
    expect((await again({ ...config, workers: 3 })).replica.step).toBe(0);
    await expect(again({ ...config, seed: 7 })).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("the run was started with other values: seed: 42 then, 7 now") as string,
    });
    const started = { ...config, lora: { ...config.lora, init_adapter: "theirs" } };
    await expect(again(started)).rejects.toThrow('lora.init_adapter: null then, "theirs" now');
  });
});

describe("evaluation data", () => {
  const told: string[] = [];
  const prepared = (evaluation: unknown, train: unknown): Promise<PreparedRun> => {
    const config = runSchema.parse({
      model: golden("llama/model"),
      output_dir: temporaryFolder(),
      data: { train, eval: evaluation },
      lora: { r: 2, target_modules: ["q_proj"] },
    });
    told.length = 0;
    return prepareRun(config, {
      resume: false,
      note: (text) => told.push(text),
      progress: () => undefined,
      now: () => nextDay,
    });
  };
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, row) => `${JSON.stringify({ input_ids: [1, 2, from + row] })}\n`).join("");
  const dataFolder = (): string => {
    const folder = temporaryFolder();
    writeFolder(folder, { "README.md": "x", "a.jsonl": lines(0, 50), "b.jsonl": lines(50, 60) });
    writeFolder(folder, { "more/e.jsonl": lines(55, 65) });
    return folder;
  };

  it("is held out of the training data, of which nothing is lost", async () => {
    const folder = dataFolder();
    const { train, evaluation } = await prepared(7, folder);
    expect([train.rowCount, evaluation?.rowCount]).toEqual([53, 7]);
    // What of the folder is not read is told once, although both sides read it.
    expect(told.filter((text) => text.includes("not read"))).toEqual([`${folder}: not read: more/, README.md.`]);
    const again = await prepared(7, [join(folder, "b.jsonl"), join(folder, "a.jsonl")]);
    const tokens = ({ evaluation: store }: PreparedRun): number[] =>
      Array.from({ length: 7 }, (_, row) => store!.row(row).inputIds[2]!).sort((a, b) => a - b);
    expect(tokens(again)).toEqual(tokens({ train, evaluation } as PreparedRun));
  });

  it("of its own is compared with the training data", async () => {
    const folder = dataFolder();
    await prepared(join(folder, "more/e.jsonl"), folder);
    const copies = told.filter((text) => text.includes("also training examples"));
    expect(copies).toEqual([expect.stringMatching(/^5 of 10 evaluation examples .*first: \S+e\.jsonl:1\)/)]);
    await prepared(join(folder, "more/e.jsonl"), join(folder, "a.jsonl"));
    expect(told.filter((text) => text.includes("also training examples"))).toEqual([]);
  });
});

describe("an example longer than the model's positions is found before training", () => {
  const runOf = (model: string, longest: number): RunConfig =>
    runSchema.parse({
      model: golden(`${model}/model`),
      output_dir: temporaryFolder(),
      data: { train: golden(`${model}/train.jsonl`), max_length: longest },
      lora: { r: 2 },
    });

  it.each([
    ["gpt2-packed", /max_length is 65, but the model takes examples of up to 64 tokens .*config.json: n_positions\)/],
    ["phi3", /max_length is 65, but .* 64 tokens .*original_max_position_embeddings: the long factors/],
  ])("%s: max_length beyond them is refused before the data is read", async (model, message) => {
    await expect(prepare(runOf(model, 65), nextDay, false)).rejects.toThrow(message);
    expect((await prepare(runOf(model, 64), nextDay, false)).train.rowCount).toBeGreaterThan(0);
  });
});
