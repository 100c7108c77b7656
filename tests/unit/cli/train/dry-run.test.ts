/** `coxswain train --dry-run`: says what a run would do and refuses what it would refuse, and leaves nothing behind. */
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { Writable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { dryRun } from "../../../../src/cli/train/dry-run.js";
import { dryRunWarnings } from "../../../../src/cli/train/dry-run-warnings.js";
import { loadRunObject } from "../../../../src/config/index.js";
import { stepPlan } from "../../../../src/data/index.js";
import { expectRejection } from "../../data/matchers.js";
import { chat } from "../../data/stores.js";
import { folderWith, tinyModel } from "../../data/support.js";

let folder: string;
beforeAll(async () => {
  const examples = Array.from({ length: 40 }, (_, index) => `${JSON.stringify(chat(`q${index}`, "a"))}\n`);
  folder = await folderWith({
    "train.jsonl": examples.join(""),
    "eval.jsonl": examples.slice(0, 3).join(""),
    "run.yaml": [
      `model: ${tinyModel}`,
      "output_dir: runs/new",
      "data: { train: train.jsonl, eval: eval.jsonl, max_length: 64 }",
      "training: { global_batch_size: 8, micro_batch_size: 4, num_train_epochs: 2 }",
    ].join("\n"),
  });
});

interface Result {
  readonly text: string;
  readonly json: Record<string, unknown>;
}

async function rehearse(
  sets: readonly string[] = [],
  options: { json?: boolean; resume?: boolean; initFrom?: string } = {},
): Promise<Result> {
  const { json = true, resume = false, initFrom } = options;
  let text = "";
  const output = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  await dryRun({ file: path.join(folder, "run.yaml"), sets, resume, insecure: false, initFrom, json }, output);
  return { text, json: json ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

describe("a dry run", () => {
  it("refuses an --init-from that has no adapter, as a run does", async () => {
    await expect(rehearse([], { initFrom: "nowhere" })).rejects.toThrow("--init-from nowhere: no such folder");
  });

  it("tells steps, tokens, padding and memory, and writes no output folder", async () => {
    const { json } = await rehearse();
    expect(json).toMatchObject({
      steps_per_epoch: 5,
      total_steps: 10,
      steps_done: 0,
      rows: 40,
      evaluation_examples: 3,
      total_tokens: 2 * (json["tokens_per_epoch"] as number),
      time: null,
      notes: [expect.stringMatching(/^3 of 3 evaluation examples are also training examples/)],
    });
    expect(json["padding_share"]).toBeGreaterThan(0);
    expect(json["padding_share"]).toBeLessThan(0.5);
    const { worker_at_least_bytes: worker, weights_bytes: weights } = json["memory"] as Record<string, number>;
    expect(weights).toBeGreaterThan(5e6);
    expect(worker).toBeGreaterThan(weights!);
    expect(await readdir(folder)).toEqual(["eval.jsonl", "run.yaml", "train.jsonl"]);
  });

  it("fits into 80 columns, but for warnings and paths", async () => {
    const { text } = await rehearse([], { json: false });
    const table = text.split("\n").slice(2, text.split("\n").indexOf("", 2));
    expect(table.filter((line) => line.length > 80 && !line.includes(tinyModel))).toEqual([]);
    expect(text).toMatch(/^steps {5}5 per epoch, 10 in all$/m);
    expect(text).toMatch(/^time {6}not known, since nothing was measured yet/m);
    expect(text).toMatch(/^warning: the run has 10 steps, fewer than 50/m);
  });

  it.each([
    ["config", "training.learning_rate=-1", /learning_rate/],
    ["config", "lora.r=4000", /lora\.r is 4000/],
    ["config", "cluster.listen=0.0.0.0:7070", /cluster\.listen/],
    ["config", "output_dir=train.jsonl", /train\.jsonl is not a folder/],
    ["model", "lora.target_modules=[nothing]", /nothing/],
    ["data", "data.train=missing.jsonl", /missing\.jsonl/],
    ["model", "model=/nowhere/at/all", /nowhere/],
  ] as const)("refuses with the error %s what a run would refuse: %s", async (code, set, message) => {
    await expectRejection(rehearse([set]), code, message);
    expect(existsSync(path.join(folder, "runs"))).toBe(false);
  });

  it("forecasts the time of a resumed run by the steps that it has measured", async () => {
    const runs = path.join(folder, "measured");
    await mkdir(runs);
    const line = { epoch: 0.2, loss: 1, grad_norm: 1, learning_rate: 1e-4, tokens: 5, supervised_tokens: 2 };
    const lines = [2, 3, 100].map((seconds, index) =>
      JSON.stringify({ step: index + 1, ...line, tokens_per_second: 5, step_seconds: seconds, workers: 1 }),
    );
    await writeFile(path.join(runs, "metrics.jsonl"), `${lines.join("\n")}\n`);
    await writeFile(path.join(runs, "events.jsonl"), '{"time":"2026-01-01T00:00:00.000Z","event":"run_started"}\n');
    const set = `output_dir=${runs}`;
    await expectRejection(rehearse([set]), "config", /./);
    expect((await rehearse([set], { resume: true })).json["time"]).toEqual({ seconds_left: 30, measured_steps: 3 });
  });
});

describe("the warnings of a dry run", () => {
  const warningsOf = (training: object, r = 16, warmupSteps = 10): readonly string[] => {
    const { config } = loadRunObject(
      { model: tinyModel, output_dir: "out", data: { train: "t.jsonl" }, training, lora: { r } },
      folder,
      [],
    );
    const { global_batch_size: globalBatchSize, max_steps: maxSteps, num_train_epochs: epochs } = config.training;
    const plan = stepPlan({ rows: 4000, globalBatchSize, seed: 0, shuffle: true, maxSteps, epochs });
    const found = dryRunWarnings({ warmupSteps, prepared: { config, plan, train: { rowCount: 4000 } } });
    return found.map(({ code, text }) => `${code}: ${text}`);
  };

  it("are none for usual settings, up to their limits", () => {
    expect(warningsOf({ learning_rate: 1e-6 })).toEqual([]);
    expect(warningsOf({ learning_rate: 1e-3, max_steps: 50 })).toEqual([]);
  });

  it("name a learning rate outside 1e-6 to 1e-3", () => {
    expect(warningsOf({ learning_rate: 2e-3 })).toEqual([expect.stringMatching(/^learning_rate: .*0\.002.*diverge/)]);
    expect(warningsOf({ learning_rate: 1e-7 })).toEqual([expect.stringMatching(/^learning_rate: .*1e-7.*nothing/)]);
  });

  it("name a warm-up that is as long as the run", () => {
    expect(warningsOf({ max_steps: 60 }, 16, 60)).toEqual([expect.stringMatching(/^warmup: .*takes 60 steps/)]);
  });

  it.each([
    [17, 32],
    [64, 64],
    [257, 320],
  ])("name the flag of vLLM that a rank of %i needs: %i", (r, flag) => {
    expect(warningsOf({}, r)).toEqual([expect.stringMatching(new RegExp(`^vllm_rank: .*--max-lora-rank ${flag}\\.$`))]);
  });

  it("name few steps, and a batch that leaves enough", () => {
    const [warning] = warningsOf({ global_batch_size: 400, num_train_epochs: 1 }, 16, 1);
    expect(warning).toMatch(/^few_steps: the run has 10 steps, fewer than 50: .*global_batch_size to 80 or less/);
    expect(warningsOf({ global_batch_size: 80, num_train_epochs: 1 })).toEqual([]);
    expect(warningsOf({ max_steps: 49 })).toEqual([expect.stringMatching(/^few_steps: .*Raise training.max_steps/)]);
  });
});
