/** QLoRA as a user runs it: trained, continued, measured and merged. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, quickstartData, quickstartModel } from "../support/runs.js";

const run = (workers: number): object => ({
  model: quickstartModel,
  output_dir: "out",
  workers,
  quantization: "nf4",
  data: {
    train: join(quickstartData, "train.jsonl"),
    eval: join(quickstartData, "eval.jsonl"),
    max_length: 256,
  },
  lora: { r: 4 },
  training: {
    max_steps: 4,
    global_batch_size: 8,
    micro_batch_size: 2,
    learning_rate: 3e-3,
    save_steps: 2,
  },
  cluster: { listen: "127.0.0.1:0", min_workers: workers },
  telemetry: { http: null },
});

describe("an adapter trained on NF4 weights", () => {
  const folder = temporaryFolder();
  let file: string;
  const adapter = join(folder, "out", "adapter");

  beforeAll(async () => {
    file = writeRun(folder, run(1));
    const { code, stderr } = await coxswain(["train", file]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("is the same, to the bit, with 3 workers", async () => {
    const other = temporaryFolder();
    const { code } = await coxswain(["train", writeRun(other, run(3))]);
    expect(code).toBe(0);
    expect(adapterBytes(join(other, "out")).equals(adapterBytes(join(folder, "out")))).toBe(true);
  });

  it("is not resumed on unquantised weights", async () => {
    const { code, stderr } = await coxswain(["train", file, "--resume", "--set", "quantization=null"]);
    expect(code).toBe(2);
    expect(stderr).toContain('quantization: "nf4" then, null now');
  });

  it("is evaluated on NF4 weights by default, and eval names the quantization", async () => {
    const evaluate = async (...options: string[]): Promise<{ loss: number; quantization: string | null }> => {
      const line = ["eval", "--model", quickstartModel, "--data", join(quickstartData, "eval.jsonl"), "--limit", "20"];
      const { code, stdout } = await coxswain([...line, ...options, "--json"]);
      expect(code).toBe(0);
      return JSON.parse(stdout) as { loss: number; quantization: string | null };
    };
    const trained = await evaluate("--adapter", adapter);
    expect(trained.quantization).toBe("nf4 (as the adapter was trained)");
    expect((await evaluate("--adapter", adapter, "--quantization", "nf4")).loss).toBe(trained.loss);
    const plain = await evaluate("--adapter", adapter, "--quantization", "none");
    expect(plain.quantization).toBe("none (as requested; the adapter was trained on nf4)");
    expect(plain.loss).not.toBe(trained.loss);
    expect((await evaluate()).quantization).toBeNull();
  });

  it("generates on NF4 weights, which generate names", async () => {
    const { code, stderr } = await coxswain([
      ...["generate", "--model", quickstartModel, "--adapter", adapter],
      ...["--prompt", "dance music in the garage", "--max-new-tokens", "2"],
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain("quantization: nf4 (as the adapter was trained)");
  });

  it("merges into the weights in their own precision, which merge names", async () => {
    const output = join(temporaryFolder(), "merged");
    const { code, stdout } = await coxswain(["merge", "--adapter", adapter, "--output", output]);
    expect(code).toBe(0);
    expect(stdout).toContain("the adapter was trained on nf4 weights; it is merged into the unquantized weights of");
  });
});
