/**
 * A LoRA training step by coxswain's engine on a CPU: tokens a second and peak memory, as one line of JSON. The twin of
 * peft_step.py: the same options, the same keys, the same work (forward, backward, clipping, AdamW, one shard a step).
 *
 *     npm run build
 *     node bench/coxswain_step.mjs [--model ~/.cache/coxswain/models/smollm2-135m-instruct] [--smoke]
 *         [--rows 4 --length 256] [--threads 2] [--supervised 0.33] [--data tokens.jsonl] [--rank 16]
 *         [--steps 5 --warmup 2] [--dtype float32] [--engine onnx] [--quantization nf4]
 *
 * `gemm_gflops` is the rate of a float32 matrix product of this model's MLP shape by the same runtime with the same
 * threads, measured right before and after the steps (the better of the two).
 */
import { readFileSync } from "node:fs";
import { openEngine } from "../dist/compute/index.js";
import { collate } from "../dist/data/row.js";
import { initialParameters, openModelFolder } from "../dist/model/index.js";
import { clipCoefficient, globalNorm, Replica } from "../dist/optim/index.js";
import { gemmGflops } from "./gemm.mjs";
import { median, quickstartModel, readOptions, smollm2 } from "./shared.mjs";

const settings = readOptions(
  {
    model: smollm2,
    rows: 4,
    length: 256,
    data: undefined,
    supervised: 1,
    rank: 16,
    dtype: "float32",
    engine: "onnx",
    quantization: undefined,
    steps: 5,
    warmup: 2,
    threads: 2,
    "gradient-checkpointing": false,
  },
  { model: quickstartModel, rows: 1, length: 16, steps: 1, warmup: 1 },
);

/** Ids of the first rows * length tokens of a tokens-format file, or of a small generator (Lehmer's) without one. */
function tokenStream({ data, rows, length }, vocabulary) {
  const wanted = rows * length;
  if (data === undefined) {
    let state = 1;
    return Array.from({ length: wanted }, () => (state = (state * 48271) % 2147483647) % vocabulary);
  }
  const lines = readFileSync(data, "utf8").split("\n").filter(Boolean);
  const ids = lines.flatMap((line) => JSON.parse(line).input_ids);
  if (ids.length < wanted) throw new Error(`${data} has ${ids.length} tokens, ${wanted} are needed`);
  return ids.slice(0, wanted);
}

/** Rows of `length` tokens whose last `supervised` share is supervised. */
function makeBatch(config) {
  const { rows, length, supervised } = settings;
  const stream = Int32Array.from(tokenStream(settings, config.vocab_size));
  const unsupervised = Math.round(length * (1 - supervised));
  const examples = Array.from({ length: rows }, (_, row) => {
    const inputIds = stream.slice(row * length, (row + 1) * length);
    const labels = inputIds.slice().fill(-100, 0, unsupervised);
    return { inputIds, labels, segments: [length] };
  });
  return collate(examples);
}

/** The most memory that this process has ever had resident, bytes. */
const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;

/** One optimiser step: its mean loss, seconds and processor seconds (of all threads). */
async function trainStep(trainable, replica, batch, gradient) {
  const start = performance.now();
  const startCpu = process.cpuUsage();
  const { lossSum, tokens } = await trainable.gradients(batch, gradient);
  const norm = globalNorm(gradient, 1 / tokens);
  const scale = clipCoefficient(norm, 1) / tokens;
  replica.apply({ step: replica.step + 1, gradient, learningRate: 2e-4, scale });
  await trainable.setParameters(replica.parameters);
  const { user, system } = process.cpuUsage(startCpu);
  return { loss: lossSum / tokens, tokens, seconds: (performance.now() - start) / 1e3, cpu: (user + system) / 1e6 };
}

async function main() {
  const { rows, length, threads, rank, dtype } = settings;
  const folder = await openModelFolder(settings.model);
  const batch = makeBatch(folder.config);
  const { engine, options: engineOptions } = await openEngine({
    engine: settings.engine,
    device: "cpu",
    dtype,
    threads,
    gradientCheckpointing: settings["gradient-checkpointing"],
    quantization: settings.quantization ?? null,
  });
  const lora = { r: rank, alpha: 2 * rank, dropout: 0, targetModules: "all-linear", useRslora: false };
  const loading = performance.now();
  const trainable = await engine.load(folder, lora, engineOptions);
  const loadSeconds = (performance.now() - loading) / 1e3;
  const { size } = trainable.layout;
  const replica = new Replica(size, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  replica.parameters.set(initialParameters(trainable.layout, 0));
  await trainable.setParameters(replica.parameters);
  // GPT-2 has names of its own.
  const { n_embd: width, n_inner: raised, hidden_size: inner = width } = folder.config;
  const { intermediate_size: columns = raised ?? 4 * inner } = folder.config;
  const product = { rows: rows * length, inner, columns, threads };
  const before = await gemmGflops(product);
  const gradient = new Float32Array(size);
  const results = [];
  for (let step = 0; step < settings.warmup + settings.steps; step++)
    results.push(await trainStep(trainable, replica, batch, gradient));
  const peak = peakRssBytes();
  const timed = results.slice(settings.warmup);
  const seconds = timed.map((result) => result.seconds);
  console.log(
    JSON.stringify({
      engine: engine.name,
      quantization: settings.quantization ?? null,
      load_seconds: loadSeconds,
      dtype,
      rows,
      length,
      supervised_tokens: results[0].tokens,
      threads,
      tokens_per_second: (rows * length) / median(seconds),
      peak_rss_bytes: peak,
      step_seconds: seconds,
      step_cpu_seconds: timed.map((result) => result.cpu),
      gemm_gflops: Math.max(before, await gemmGflops(product)),
      losses: results.map((result) => result.loss),
      trainable_parameters: size,
      versions: { node: process.versions.node },
    }),
  );
  await trainable.dispose();
}

await main();
