/** `coxswain sweep` over real processes. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { coxswain, CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { comparedRun, eventLines, smallEvaluationSet } from "../support/runs.js";

const halved = {
  method: "random",
  trials: 4,
  seed: 3,
  parameters: {
    "training.learning_rate": { min: 1e-4, max: 1e-2, distribution: "log_uniform" },
    "lora.r": [4, 8],
  },
  halving: { eta: 2 },
};

interface Prepared {
  readonly folder: string;
  readonly file: string;
  readonly output: string;
}

function prepared(workers: number, sweep: object, training: object = {}): Prepared {
  const folder = temporaryFolder();
  const evaluation = smallEvaluationSet(folder);
  const run = comparedRun(workers, training) as { data: object };
  writeRun(folder, { ...run, data: { ...run.data, eval: evaluation } });
  const file = join(folder, "sweep.yaml");
  writeFileSync(file, stringify({ run: "run.yaml", output_dir: "swept", ...sweep }));
  return { folder, file, output: join(folder, "swept") };
}

const hashOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** What must not depend on workers and interruptions: results, the trials' newest parameters, the best. */
function outcomeOf({ output }: Prepared): unknown {
  const trials = readdirSync(join(output, "trials")).sort();
  const journal = readFileSync(join(output, "results.jsonl"), "utf8").trimEnd().split("\n");
  const parameters = trials.map((trial) => {
    const folder = join(output, "trials", trial);
    if (existsSync(join(folder, "adapter"))) return hashOf(join(folder, "adapter", "adapter_model.safetensors"));
    const newest = readdirSync(join(folder, "checkpoints"))
      .sort((one, other) => Number(one.split("-").at(-1)) - Number(other.split("-").at(-1)))
      .at(-1);
    return hashOf(join(folder, "checkpoints", newest ?? "", "adapter_model.safetensors"));
  });
  const { learning_rate: rate } = (parse(readFileSync(join(output, "best.yaml"), "utf8")) as { training: never })
    .training;
  return { journal: [...journal].sort(), parameters, rate };
}

describe("a sweep", () => {
  it("has the same outcome with one worker, and with two after kill -9 of everything in every rung", async () => {
    const whole = prepared(1, halved);
    const disturbed = prepared(2, halved);
    const undisturbed = coxswain(["sweep", whole.file]);
    for (const [index, sign] of [/reached step 2 of 8/, /reached step 4 of 8/, /rung 3 of 3/].entries()) {
      const sweep = new CoxswainProcess(["sweep", disturbed.file, ...(index > 0 ? ["--resume"] : [])]);
      await sweep.until(sign);
      sweep.killAll();
      await sweep.finished;
    }
    const last = await coxswain(["sweep", disturbed.file, "--resume"]);
    expect(last.stderr).toBe("");
    expect(last.code).toBe(0);
    expect((await undisturbed).code).toBe(0);
    expect(outcomeOf(disturbed)).toEqual(outcomeOf(whole));

    const best = parse(readFileSync(join(whole.output, "best.yaml"), "utf8")) as { output_dir: string };
    const trained = await coxswain(["train", join(whole.output, "best.yaml")]);
    expect(trained.code).toBe(0);
    const adapter = hashOf(join(whole.output, best.output_dir, "adapter", "adapter_model.safetensors"));
    expect((outcomeOf(whole) as { parameters: string[] }).parameters).toContain(adapter);
    for (const picture of ["parallel.svg", "curves.svg"])
      expect(readFileSync(join(whole.output, picture), "utf8")).toContain("</svg>");
  });

  it("takes a trial that diverges for a result, and names the best of the others as JSON", async () => {
    const sweep = prepared(1, { parameters: { "training.learning_rate": [3e-3, 1e30] } }, { max_grad_norm: 1e30 });
    const finished = await coxswain(["sweep", sweep.file, "--json"]);
    expect(finished.code).toBe(0);
    const { trials, best, complete } = JSON.parse(finished.stdout) as {
      trials: { state: string; reason: string | null }[];
      best: number;
      complete: boolean;
    };
    expect(trials.map(({ state }) => state)).toEqual(["completed", "diverged"]);
    expect(trials[1]?.reason).toMatch(/step \d: the (loss|gradient norm) is/);
    expect({ best, complete }).toEqual({ best: 0, complete: true });
  });

  it("fails with the exit code of divergence when every trial diverges", async () => {
    const sweep = prepared(1, { parameters: { "training.learning_rate": [1e30] } }, { max_grad_norm: 1e30 });
    const finished = await coxswain(["sweep", sweep.file]);
    expect(finished.code).toBe(8);
    expect(finished.stderr).toContain("no trial was trained to its end: all of them diverged");
  });

  it("keeps remote workers from trial to trial, with the model open, and dismisses them at the end", async () => {
    const sweep = prepared(1, { parameters: { "training.learning_rate": [1e-3, 2e-3, 3e-3] } });
    const main = new CoxswainProcess(["sweep", sweep.file, "--workers", "0"]);
    const [, address = ""] = await main.until(/listening on (\S+)/);
    const workers = [0, 1].map(
      () => new CoxswainProcess(["worker", "--coordinator", address, "--reconnect-timeout", "60"]),
    );
    expect((await main.finished).code).toBe(0);
    for (const worker of workers) {
      const { code, stdout, stderr } = await worker.finished;
      expect(code).toBe(0);
      expect(`${stdout}${stderr}`.match(/"loading the model"/g)).toHaveLength(1);
    }
    const [first, second, third] = ["000", "001", "002"].map((trial) =>
      eventLines(join(sweep.output, "trials", trial)).some(({ event }) => event === "run_finished"),
    );
    expect([first, second, third]).toEqual([true, true, true]);
  });

  it("stops on SIGTERM with exit code 130, saved, and continues with --resume", async () => {
    const sweep = prepared(1, { parameters: { "training.learning_rate": [1e-3, 3e-3] } });
    const main = new CoxswainProcess(["sweep", sweep.file]);
    await main.until(/trial 0: training/);
    main.signal("SIGTERM");
    const stopped = await main.finished;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain("--resume");
    expect((await coxswain(["sweep", sweep.file])).stderr).toContain("already holds a sweep");
    writeFileSync(join(sweep.folder, "sweep.yaml"), readFileSync(sweep.file, "utf8").replace(/- 0\.003/, "- 0.004"));
    expect((await coxswain(["sweep", sweep.file, "--resume"])).stderr).toContain("its trials changed since");
    writeFileSync(sweep.file, readFileSync(sweep.file, "utf8").replace(/- 0\.004/, "- 0.003"));
    expect((await coxswain(["sweep", sweep.file, "--resume"])).code).toBe(0);
  });
});
