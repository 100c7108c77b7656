/** Losses, gradient norms and adapters of torch + PEFT in float64, beside those of 2 workers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { coxswain, projectFolder, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, adapterDifference, eventLines, goldenFolder, stepLines } from "../support/runs.js";

interface Expected {
  readonly lora: object;
  readonly optim: object;
  readonly max_steps: number;
  readonly global_batch_size: number;
  readonly shuffle: boolean;
  readonly packing: boolean;
  readonly max_length?: number;
  readonly model?: string;
  readonly quantization?: string;
  readonly chat_template?: string;
  readonly steps: readonly {
    step: number;
    loss: number;
    grad_norm: number;
    learning_rate: number;
    supervised_tokens: number;
  }[];
}

const cases = [
  "llama",
  "qwen2",
  "qwen3",
  "mistral-sliding",
  "llama-rope-llama3",
  "qwen3-yarn-sharded",
  "qwen2-linear-window",
  "llama-packed",
  "gemma2-packed",
  "gpt2-packed",
  "qwen3-nf4",
  "chat",
];

interface RunChoices {
  readonly workers: number;
  readonly engine: "onnx" | "tfjs";
}

function runOf(name: string, { workers, engine }: RunChoices): object {
  const folder = join(goldenFolder, name);
  const expected = readExpected(name);
  return {
    model: expected.model === undefined ? join(folder, "model") : join(projectFolder, expected.model),
    output_dir: "out",
    workers,
    data: {
      train: join(folder, "train.jsonl"),
      shuffle: expected.shuffle,
      packing: expected.packing,
      ...(expected.max_length === undefined ? {} : { max_length: expected.max_length }),
      ...(expected.chat_template === undefined ? {} : { chat_template: expected.chat_template }),
    },
    ...(expected.quantization === undefined ? {} : { quantization: expected.quantization }),
    lora: { ...expected.lora, init_adapter: join(folder, "adapter_init") },
    training: {
      ...expected.optim,
      max_steps: expected.max_steps,
      global_batch_size: expected.global_batch_size,
      micro_batch_size: 2,
    },
    compute: { engine },
    cluster: { listen: "127.0.0.1:0", min_workers: workers },
    telemetry: { http: null },
  };
}

function readExpected(name: string): Expected {
  return JSON.parse(readFileSync(join(goldenFolder, name, "expected.json"), "utf8")) as Expected;
}

/** Runs the case, and gives its output folder. */
async function train(name: string, run: object): Promise<string> {
  const folder = temporaryFolder();
  const { code, stderr } = await coxswain(["train", writeRun(folder, run)]);
  expect(stderr).toBe("");
  expect(code).toBe(0);

  const expected = readExpected(name);
  const lines = stepLines(join(folder, "out"));
  expect(lines).toHaveLength(expected.steps.length);
  expected.steps.forEach((reference, index) => {
    const line = lines[index]!;
    expect(line.step).toBe(reference.step);
    expect(line.supervised_tokens).toBe(reference.supervised_tokens);
    expect(Math.abs(line.learning_rate - reference.learning_rate)).toBeLessThanOrEqual(1e-12);
    expect(Math.abs(line.loss / reference.loss - 1)).toBeLessThanOrEqual(1e-4);
    expect(Math.abs(line.grad_norm / reference.grad_norm - 1)).toBeLessThanOrEqual(1e-3);
  });
  const adapters = [join(folder, "out", "adapter"), join(goldenFolder, name, "expected_adapter")] as const;
  expect(await adapterDifference(...adapters)).toBeLessThanOrEqual(1e-3);
  return join(folder, "out");
}

// The whole batch as one shard: tests/unit/compute/golden.test.ts. Other numbers of workers: tests/promises/.
it.each(cases)("golden case %s has the losses and the adapter of PEFT, from 2 workers", async (name) => {
  await train(name, runOf(name, { workers: 2, engine: "onnx" }));
});

it("the tfjs engine has the losses and the adapter of PEFT, with the same bits from 1 and from 2 workers", async () => {
  const outputs: string[] = [];
  for (const workers of [1, 2]) {
    const output = await train("qwen3", runOf("qwen3", { workers, engine: "tfjs" }));
    const [chosen] = eventLines(output).filter(({ event }) => event === "engine_chosen");
    expect(chosen).toMatchObject({ engine: "tfjs" });
    outputs.push(output);
  }
  const [one, two] = outputs.map((output) => adapterBytes(output));
  expect(two!.equals(one!)).toBe(true);
});
