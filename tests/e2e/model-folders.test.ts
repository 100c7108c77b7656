/** Incomplete model folders, unusable caches and unusual heads: each is reported before the data is read. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openModelFolder } from "../../src/model/index.js";
import { headVariant } from "../support/compute/head-variant.js";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, goldenFolder, quickstartData, quickstartModel } from "../support/runs.js";

const runWith = (model: string): object => ({
  model,
  output_dir: "out",
  workers: 1,
  data: { train: join(quickstartData, "eval.jsonl"), max_length: 128 },
  lora: { r: 4 },
  training: { max_steps: 1, global_batch_size: 4, micro_batch_size: 4 },
  cluster: { listen: "127.0.0.1:0" },
  telemetry: { http: null },
});

function copyOfModel(): string {
  const model = join(temporaryFolder(), "model");
  cpSync(quickstartModel, model, { recursive: true });
  return model;
}

describe("an error of an incomplete model folder names the file, for a folder", () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12345\n`;
  const cases: [string, (model: string) => void, RegExp][] = [
    ["without tokenizer.json", (model) => rmSync(join(model, "tokenizer.json")), /model has no tokenizer\.json/],
    [
      "with a Git LFS pointer in the weights' place",
      (model) => writeFileSync(join(model, "model.safetensors"), pointer),
      /model\.safetensors: is a Git LFS pointer/,
    ],
    [
      "that is an adapter",
      (model) => {
        rmSync(model, { recursive: true });
        cpSync(join(goldenFolder, "llama", "adapter_init"), model, { recursive: true });
      },
      /is a PEFT adapter/,
    ],
    [
      "that is a file",
      (model) => {
        rmSync(model, { recursive: true });
        writeFileSync(model, "");
      },
      /is a file, but a model is a folder/,
    ],
  ];
  it.each(cases)("%s", async (_what, spoil, says) => {
    const model = copyOfModel();
    spoil(model);
    const { code, stderr } = await coxswain(["train", writeRun(temporaryFolder(), runWith(model))]);
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/\nhint: \S/);
    expect(stderr).not.toMatch(/eval\.jsonl|This is an internal error/);
    expect(code).toBe(4);
  });
});

describe("a cache that cannot be used ends a run with the name of its variable:", () => {
  const places = process.platform === "linux" ? ["file", "/proc/coxswain/cache"] : ["file"];
  it.each(places)("%s", async (place) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    const cache = place.startsWith("/") ? place : join(folder, place);
    const env = { COXSWAIN_CACHE: cache };
    const { code, stderr } = await coxswain(["train", writeRun(folder, runWith(quickstartModel))], { env });
    expect(stderr).toContain(`the cache ${cache} (COXSWAIN_CACHE) cannot be used`);
    expect(stderr).toContain("hint: Set COXSWAIN_CACHE to a writable folder.");
    expect(code).toBe(6);
  });

  it("a run without a home folder trains and leaves no cache in the working folder", async () => {
    const folder = temporaryFolder();
    const env = { COXSWAIN_CACHE: "", XDG_CACHE_HOME: "", HOME: "" };
    const { code, stderr } = await coxswain(["train", writeRun(folder, runWith(quickstartModel))], {
      cwd: folder,
      env,
    });
    expect(stderr).not.toContain("error:");
    expect(code).toBe(0);
    expect(existsSync(join(folder, ".cache"))).toBe(false);
  });
});

describe("a model whose files have another head than config.json declares", () => {
  const folder = temporaryFolder();
  const model = join(folder, "model");
  const losses = async (args: string[]): Promise<number> => {
    const run = writeRun(folder, { ...runWith(model), output_dir: "eval" }, "eval.yaml");
    const result = await coxswain([
      "eval",
      run,
      "--limit",
      "8",
      "--json",
      "--data",
      join(quickstartData, "eval.jsonl"),
      ...args,
    ]);
    expect(result.code, result.stderr).toBe(0);
    return (JSON.parse(result.stdout) as { loss: number }).loss;
  };
  beforeAll(async () => {
    cpSync(quickstartModel, model, { recursive: true });
    await headVariant(await openModelFolder(quickstartModel), model, { tied: true, head: "other" });
  });

  it("is trained, evaluated and merged with the files' head, with a note each time", async () => {
    const note = /note: .*lm_head\.weight differs from model\.embed_tokens\.weight/;
    const trained = await coxswain(["train", writeRun(folder, runWith(model))]);
    expect(trained.stderr + trained.stdout).toMatch(/lm_head\.weight differs from model\.embed_tokens\.weight/);
    expect(trained.code).toBe(0);
    expect(adapterBytes(join(folder, "out")).length).toBeGreaterThan(0);
    const adapter = join(folder, "out", "adapter");
    const output = join(folder, "merged");
    const merged = await coxswain([
      "merge",
      "--model",
      model,
      "--adapter",
      adapter,
      "--output",
      output,
      "--dtype",
      "float32",
    ]);
    expect(merged.stderr).toMatch(note);
    expect(merged.code).toBe(0);
    const apart = await losses(["--adapter", adapter]);
    const config = JSON.parse(readFileSync(join(output, "config.json"), "utf8")) as Record<string, unknown>;
    expect(config["tie_word_embeddings"]).toBe(true);
    const run = writeRun(folder, { ...runWith(output), output_dir: "eval" }, "merged.yaml");
    const whole = await coxswain(["eval", run, "--limit", "8", "--json", "--data", join(quickstartData, "eval.jsonl")]);
    expect((JSON.parse(whole.stdout) as { loss: number }).loss / apart).toBeCloseTo(1, 5);
  });
});
