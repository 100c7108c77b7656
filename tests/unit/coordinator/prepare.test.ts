import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runSchema, type RunConfig } from "../../../src/config/index.js";
import { checkpointWriter } from "../../../src/coordinator/checkpoint-writer.js";
import { prepareRun, type PreparedRun } from "../../../src/coordinator/prepare.js";
import { golden, temporaryFolder, writeFolder } from "../model/helpers.js";

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
  it("with the tokens of the day it was started on", async () => {
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

  it("on the day it was started again, where there is no checkpoint yet", async () => {
    expect((await prepare(datedRun(), nextDay, true)).startedAt).toBe("2026-11-26T08:00:00");
  });

  it("from a checkpoint that does not say the day: on the same day only", async () => {
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

describe("an example longer than the model's positions is found out while it trains", () => {
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
