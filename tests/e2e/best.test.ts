/** The best evaluated state: the same adapter, whatever happens to the machines, and nothing that was the best is lost. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { clusterRun, startCoordinator, startWorker, untilStep } from "../support/cluster.js";
import { coxswain } from "../support/processes.js";
import { adapterBytes, eventLines, quickstartData, stepLines } from "../support/runs.js";

/** Overfits within a few steps: the evaluation loss falls, then rises, and patience is lost before the last step. */
async function overfittingRun() {
  const run = await clusterRun({
    steps: 60,
    training: {
      global_batch_size: 8,
      learning_rate: 1e-2,
      lr_scheduler_type: "constant",
      warmup_steps: 0,
      eval_steps: 2,
      save_steps: 5,
      save_total_limit: 1,
      metric_for_best_model: "eval_loss",
      load_best_model_at_end: true,
      early_stopping_patience: 3,
    },
  });
  const first = (name: string): string => {
    const path = join(run.folder, name);
    const lines = readFileSync(join(quickstartData, name), "utf8").split("\n");
    writeFileSync(path, lines.slice(0, 16).join("\n"));
    return path;
  };
  const data = [`data.train=${first("train.jsonl")}`, `data.eval=${first("eval.jsonl")}`];
  return { ...run, sets: [...data, "lora.lora_dropout=0"].flatMap((each) => ["--set", each]) };
}

interface Result {
  readonly adapter: Buffer;
  readonly steps: number;
  readonly end: unknown;
}

function resultOf(output: string): Result {
  const end = { ...eventLines(output).findLast(({ event }) => event === "run_finished"), time: "" };
  return { adapter: adapterBytes(output), steps: stepLines(output).length, end };
}

const checkpoints = (output: string): string[] => readdirSync(join(output, "checkpoints")).sort();
const weightsOf = (output: string, checkpoint: string): Buffer =>
  readFileSync(join(output, "checkpoints", checkpoint, "adapter_model.safetensors"));

describe("a run that keeps the best state and stops early", () => {
  let reference: Result & { readonly best: number };

  beforeAll(async () => {
    const { file, output, sets } = await overfittingRun();
    const { code, stdout, stderr } = await coxswain(["train", file, "--workers", "1", ...sets]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const result = resultOf(output);
    const best = Number(/best: eval_loss \d\.\d+ at step (\d+); the adapter is that of this step/.exec(stdout)![1]);
    reference = { ...result, best };
    expect(stdout).toContain(`done: ${result.steps} steps (stopped early)`);
    expect(best).toBeLessThan(result.steps);
    expect(result.steps).toBe(best + 6);
    expect(result.end).toMatchObject({ metric: "eval_loss", best_step: best, adapter_step: best });
    // The limit of 1 spares the best one, which the adapter is.
    const name = (step: number): string => `step-${String(step).padStart(6, "0")}`;
    expect(checkpoints(output)).toEqual([name(best), name(result.steps)]);
    expect(weightsOf(output, name(best)).equals(result.adapter)).toBe(true);
    expect(weightsOf(output, name(result.steps)).equals(result.adapter)).toBe(false);
    const read = (path: string): Record<string, unknown> =>
      JSON.parse(readFileSync(join(output, path), "utf8")) as Record<string, unknown>;
    expect(read("adapter/coxswain.json")["best_model"]).toMatchObject({ step: best, metric: "eval_loss" });
    expect(readFileSync(join(output, "adapter", "README.md"), "utf8")).toContain(`| best step | ${best} |`);
    expect(read(`checkpoints/${name(result.steps)}/trainer_state.json`)).toMatchObject({
      best_global_step: best,
      best_model_checkpoint: `checkpoints/${name(best)}`,
      early_stopping_patience_counter: 3,
    });
    // Resuming what is complete changes nothing.
    const again = await coxswain(["train", file, "--resume", "--workers", "1", ...sets]);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).toContain(`done: ${result.steps} steps (stopped early)`);
    expect(resultOf(output)).toEqual(result);
    // What the adapter was made of is required, not replaced by something else.
    writeFileSync(join(output, "checkpoints", name(best), "adapter_model.safetensors"), "damaged");
    const damaged = await coxswain(["train", file, "--resume", "--workers", "1", ...sets]);
    expect(damaged.code).toBe(6);
    expect(damaged.stderr).toContain(`the best evaluation is that of step ${best}, whose checkpoint cannot be read`);
    expect(resultOf(output)).toEqual(result);
  });

  it("has the same adapter and ends after the same step when its coordinator is killed, with 3 workers", async () => {
    const { file, output, address, sets } = await overfittingRun();
    const workers = [1, 2, 3].map(() => startWorker(address));
    for (const [index, step] of [reference.best - 1, reference.best + 1, reference.best + 4].entries()) {
      const coordinator = startCoordinator(file, ...sets, ...(index > 0 ? ["--resume"] : []));
      await untilStep(coordinator, step);
      coordinator.killAll();
      await coordinator.finished;
    }
    const last = startCoordinator(file, ...sets, "--resume");
    expect((await last.finished).code).toBe(0);
    await Promise.all(workers.map(({ finished }) => finished));
    expect(eventLines(output).map(({ event }) => event)).toContain("run_recovered");
    expect(resultOf(output)).toEqual({ adapter: reference.adapter, steps: reference.steps, end: reference.end });
  });

  it("has the same adapter when everything is killed, also while the best state is evaluated", async () => {
    const { file, output, address, sets } = await overfittingRun();
    for (const [index, step] of [reference.best - 2, reference.best, reference.best + 3].entries()) {
      const coordinator = startCoordinator(file, ...sets, ...(index > 0 ? ["--resume"] : []));
      const worker = startWorker(address);
      await untilStep(coordinator, step);
      coordinator.killAll();
      worker.killAll();
      await Promise.all([coordinator.finished, worker.finished]);
    }
    const last = startCoordinator(file, ...sets, "--resume");
    startWorker(address);
    expect((await last.finished).code).toBe(0);
    expect(resultOf(output)).toEqual({ adapter: reference.adapter, steps: reference.steps, end: reference.end });
  });
});
