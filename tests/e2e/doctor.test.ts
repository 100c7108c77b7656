/** `coxswain doctor`: its predictions beside what a run takes. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, projectFolder, temporaryFolder, writeRun } from "../support/processes.js";

interface Diagnosis {
  readonly predictions: readonly Prediction[];
  readonly base_loss: { readonly lora: number; readonly qlora: number; readonly tokens: number };
  readonly advice: object | null;
}

interface Prediction {
  readonly quantization: "nf4" | null;
  readonly gradient_checkpointing: boolean;
  readonly micro_batch_size: number;
  readonly peak_bytes: number;
  readonly tokens_per_second: number;
}

const quickstart = join(projectFolder, "examples", "quickstart");
const length = 256;
const rows = 16;

/** Long rows without padding, so that every shard is as large as can be. */
const run = (quantization: "nf4" | null): object => ({
  model: join(quickstart, "model"),
  output_dir: "out",
  workers: 0,
  data: { train: join(quickstart, "data", "train.jsonl"), max_length: length, packing: true },
  lora: { r: 16 },
  quantization,
  training: { max_steps: 3, global_batch_size: 2 * rows, micro_batch_size: rows, learning_rate: 0.001 },
  compute: { threads: 2 },
  cluster: { listen: "127.0.0.1:0" },
  telemetry: { http: null },
});

/** The most memory that a real worker had, told by its metrics after two steps. */
async function peakOfRun(quantization: "nf4" | null): Promise<number> {
  const coordinator = new CoxswainProcess(["coordinator", writeRun(temporaryFolder(), run(quantization))]);
  const [, port] = await coordinator.until(/listening on 127\.0\.0\.1:(\d+)/);
  const worker = new CoxswainProcess(["worker", "--coordinator", `127.0.0.1:${port!}`, "--http", "127.0.0.1:0"]);
  const [, address] = await worker.until(/"http":"([^"]+)"/);
  await coordinator.until(/step +2\b/);
  const metrics = await (await fetch(`http://${address!}/metrics`)).text();
  expect((await coordinator.finished).code).toBe(0);
  await worker.finished;
  return Number(/^coxswain_worker_peak_memory_bytes (\d+)/m.exec(metrics)?.[1]);
}

describe("coxswain doctor", () => {
  it("predicts the peak memory of LoRA and QLoRA within 15 %, beyond the row counts that it measures", async () => {
    const flags = ["--model", join(quickstart, "model"), "--max-length", String(length), "--threads", "2", "--json"];
    const { code, stdout } = await coxswain(["doctor", ...flags, "--micro-batch-sizes", `1,${rows}`]);
    expect(code).toBe(0);
    const { predictions, base_loss: loss, advice } = JSON.parse(stdout) as Diagnosis;
    expect(predictions).toHaveLength(8);
    for (const quantization of [null, "nf4"] as const) {
      const predicted = predictions.find(
        (each) => each.quantization === quantization && !each.gradient_checkpointing && each.micro_batch_size === rows,
      );
      const measured = await peakOfRun(quantization);
      expect(Math.abs(predicted!.peak_bytes / measured - 1)).toBeLessThan(0.15);
    }
    expect(loss.qlora).toBeGreaterThan(0);
    expect(loss.qlora).not.toBe(loss.lora);
    expect(advice).not.toBeNull();
  });

  it("names a model that does not exist, with exit code 4", async () => {
    const { code, stderr } = await coxswain(["doctor", "--model", "nowhere"]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/nowhere/);
  });
});
