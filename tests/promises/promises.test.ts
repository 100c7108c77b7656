/** The promises of README.md, one test each, by real processes. What else there is to each is tested in tests/e2e/. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readAdapter } from "../../src/model/index.js";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import {
  adapterBytes,
  comparedRun,
  comparedSteps,
  eventLines,
  goldenFolder,
  quickstartModel,
  stepLines,
} from "../support/runs.js";

const steps = comparedSteps;

/** @param more sections in place of those of the run */
const run = (workers: number, training: object = {}, more: object = {}): object => ({
  ...comparedRun(workers, training, { target_modules: ["q_proj", "v_proj", "down_proj"] }),
  ...more,
});

describe("the promises", () => {
  /** Of the run that nothing happens to. */
  let reference: string;

  beforeAll(async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await coxswain(["train", writeRun(folder, run(1))]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    reference = join(folder, "out");
    // It learns something, so that equal bits mean something.
    const losses = stepLines(reference).map(({ loss }) => loss);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 1);
  });

  function expectSame(output: string): void {
    expect(adapterBytes(output).equals(adapterBytes(reference))).toBe(true);
    expect(stepLines(output).map(({ loss }) => loss)).toEqual(stepLines(reference).map(({ loss }) => loss));
    expect(stepLines(output).map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  }

  it("one answer: 3 workers train the adapter of 1 worker, to the bit", async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await coxswain(["train", writeRun(folder, run(3))]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expectSame(join(folder, "out"));
  });

  it("no work lost: kill -9 of a worker, then of everything, and --resume end with the same bits", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, run(2));
    const output = join(folder, "out");
    const first = new CoxswainProcess(["train", file]);
    await first.until(/^step +2\//m);
    const [victim] = eventLines(output).filter(({ event }) => event === "worker_joined");
    process.kill(victim!["pid"] as number, "SIGKILL");
    await first.until(/^step +5\//m);
    first.killAll();
    await first.finished;
    // The last line is whole, even after a kill.
    expect(readFileSync(join(output, "metrics.jsonl"), "utf8").endsWith("}\n")).toBe(true);

    const resume = ["train", file, "--resume", "--workers", "1", "--set", "cluster.min_workers=1"];
    const { code, stderr } = await coxswain(resume);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expectSame(output);
    expect(eventLines(output).map(({ event }) => event)).toContain("worker_left");
  });

  it("standard in and out: a Hugging Face folder and chat data become an adapter with PEFT's keys", async () => {
    // Of the same model and target modules, written by PEFT.
    const peft = await readAdapter(join(goldenFolder, "chat", "expected_adapter"));
    const ours = await readAdapter(join(reference, "adapter"));
    expect([...ours.tensors.keys()].sort()).toEqual([...peft.tensors.keys()].sort());
    const config = JSON.parse(readFileSync(join(reference, "adapter", "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ peft_type: "LORA", task_type: "CAUSAL_LM", r: 8, bias: "none" });

    const merged = join(temporaryFolder(), "merged");
    const { code } = await coxswain(["merge", "--adapter", join(reference, "adapter"), "--output", merged]);
    expect(code).toBe(0);
    const ask = ["generate", "--model", merged, "--prompt", "play music", "--max-new-tokens", "2", "--json"];
    const answer = await coxswain(ask);
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.stdout)).toMatchObject({ prompt_tokens: expect.any(Number) as number });
  });

  it("one command: `train` alone gives the bits of a coordinator and workers started separately", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, run(0, {}, { cluster: { listen: "127.0.0.1:0", min_workers: 2 } }));
    const coordinator = new CoxswainProcess(["coordinator", file], { env: { COXSWAIN_TOKEN: "a-secret" } });
    const [, address] = await coordinator.until(/listening on ([^\s,]+)/);
    const joining = ["worker", "--coordinator", address!, "--token", "a-secret", "--http", "none"];
    // One is pulled from; the other cannot be reached, and pushes.
    const workers = await Promise.all([coxswain(joining), coxswain([...joining, "--listen", "none"])]);
    expect(workers.map(({ code }) => code)).toEqual([0, 0]);
    expect((await coordinator.finished).code).toBe(0);
    expectSame(join(folder, "out"));
    expect(stepLines(join(folder, "out")).map(({ workers: count }) => count)).toEqual(new Array(steps).fill(2));
  });

  it("you can see it: in the terminal, metrics.jsonl, Prometheus' metrics, the live page and status", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "out");
    // Long enough that it is under way while it is looked at.
    const more = { telemetry: { http: "127.0.0.1:0" } };
    const train = new CoxswainProcess(["train", writeRun(folder, run(1, { max_steps: 10_000 }, more))]);
    const [, page] = await train.until(/metrics on \S+, live page on (http:\S+)/);
    await train.until(/^step +3\/10000 .*loss/m);
    expect(stepLines(output)[2]).toMatchObject({
      step: 3,
      loss: expect.any(Number) as number,
      grad_norm: expect.any(Number) as number,
      learning_rate: 3e-3,
      tokens_per_second: expect.any(Number) as number,
    });
    const metrics = await (await fetch(`${page!}metrics`)).text();
    for (const name of ["loss", "step", "learning_rate", 'workers\\{state="active"\\}'])
      expect(metrics).toMatch(new RegExp(`^coxswain_${name} [\\d.]+`, "m"));
    const shown = await fetch(page!);
    expect(shown.headers.get("content-type")).toContain("text/html");
    const status = await coxswain(["status", output, "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({ state: "training", total_steps: 10_000 });
    train.signal("SIGINT");
    expect((await train.finished).code).toBe(130);
  });

  it("bad input: ends with a message that names the key, line, file or port, a hint, and an exit code", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "bad.jsonl"), '{"messages": []}\n{"messages": [\n');
    mkdirSync(join(folder, "model"));
    writeFileSync(join(folder, "model", "config.json"), readFileSync(join(quickstartModel, "config.json")));
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const mistakes: [object, number, RegExp][] = [
      [run(1, { lerning_rate: 1 }), 2, /run\.yaml:\d+.*lerning_rate.*learning_rate/s],
      [run(1, {}, { data: { train: "bad.jsonl", max_length: 256 } }), 3, /bad\.jsonl:[12]/],
      [run(1, {}, { model: "./model" }), 4, /model.*safetensors/],
      [run(1, {}, { cluster: { listen: `127.0.0.1:${port}` } }), 5, new RegExp(`cluster\\.listen.*${port}`)],
    ];
    for (const [mistaken, code, says] of mistakes) {
      const ended = await coxswain(["train", writeRun(folder, mistaken)]);
      expect(ended.stderr).toMatch(/^error: .*\nhint: \S/);
      expect(ended.stderr).toMatch(says);
      expect(ended.stderr).not.toMatch(/\n\s+at /);
      expect(ended.code).toBe(code);
    }
    taken.close();
    expect(existsSync(join(folder, "out"))).toBe(false);
  });
});
