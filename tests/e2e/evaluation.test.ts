/** Exact match and sample prompts during training: what `coxswain eval` reports, whatever happens to the machines. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { clusterRun, startCoordinator, startWorker, untilStep } from "../support/cluster.js";
import { coxswain } from "../support/processes.js";
import { adapterBytes, eventLines, quickstartData } from "../support/runs.js";

const prompts = ["turn on the kitchen light", [{ role: "user", content: "set the heating\nto 20 degrees" }]];
const steps = 30;

async function evaluatedRun() {
  const run = await clusterRun({
    steps,
    training: {
      global_batch_size: 16,
      learning_rate: 1e-2,
      eval_steps: 15,
      predict_with_generate: true,
      sample_prompts: prompts,
    },
  });
  const path = join(run.folder, "eval.jsonl");
  const lines = readFileSync(join(quickstartData, "eval.jsonl"), "utf8").split("\n");
  // Several shards of questions.
  writeFileSync(path, lines.slice(0, 40).join("\n"));
  return { ...run, evaluation: path, sets: ["--set", `data.eval=${path}`, "--set", "lora.lora_dropout=0"] };
}

const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const resultOf = (output: string) => ({
  adapter: adapterBytes(output),
  evaluations: linesOf(join(output, "metrics.jsonl")).filter((line) => "eval_loss" in line),
  samples: linesOf(join(output, "samples.jsonl")),
});

describe("exact match and samples", () => {
  let reference: ReturnType<typeof resultOf>;

  beforeAll(async () => {
    const { file, output, evaluation, sets } = await evaluatedRun();
    const { code, stdout, stderr } = await coxswain(["train", file, "--workers", "1", ...sets]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    reference = resultOf(output);
    const { evaluations, samples } = reference;
    expect(evaluations.map(({ step }) => step)).toEqual([15, steps]);
    expect(samples.map(({ step, prompt }) => [step, prompt])).toEqual(
      [15, steps].flatMap((step) => prompts.map((prompt) => [step, prompt])),
    );
    expect(stdout).toMatch(/evaluation loss \d\.\d+, perplexity \d+\.\d+, exact match \d+\.\d %/);
    expect(stdout).toMatch(/samples of step \d+:\n {2}"turn on the kitchen light" -> "/);
    // The same number as that of the finished adapter.
    const measured = await coxswain([
      "eval",
      "--adapter",
      join(output, "adapter"),
      "--data",
      evaluation,
      "--exact-match",
      "--max-length",
      "256",
      "--json",
    ]);
    expect(measured).toMatchObject({ code: 0 });
    const { exact_match: exactMatch } = JSON.parse(measured.stdout) as { readonly exact_match: number };
    expect(exactMatch).toBeGreaterThan(0);
    expect(evaluations.at(-1)?.["eval_exact_match"]).toBe(exactMatch);
    // And the samples are what `generate` answers.
    const answer = await coxswain([
      "generate",
      "--adapter",
      join(output, "adapter"),
      "--prompt",
      "turn on the kitchen light",
    ]);
    expect(answer.stdout.trimEnd()).toBe(samples.at(-2)?.["completion"]);
  });

  it("are the same with 3 workers, one of which is killed while it answers, and when the coordinator is killed then", async () => {
    const { file, output, address, sets } = await evaluatedRun();
    const coordinator = startCoordinator(file, ...sets);
    const workers = [1, 2, 3].map(() => startWorker(address));
    await untilStep(coordinator, 15);
    workers[0]?.killAll();
    coordinator.killAll();
    await coordinator.finished;
    const resumed = startCoordinator(file, ...sets, "--resume");
    await untilStep(resumed, steps);
    workers[1]?.killAll();
    expect((await resumed.finished).code).toBe(0);
    await Promise.all(workers.map(({ finished }) => finished));
    expect(eventLines(output).filter(({ event }) => event === "worker_left").length).toBeGreaterThan(0);
    expect(resultOf(output)).toEqual(reference);
  });
});
