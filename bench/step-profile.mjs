/**
 * Where a training step's time goes: the operators of the onnx engine's graph by processor time, beside the rate of the
 * machine's float32 matrix product through the same runtime; and, with --lengths, resident memory over steps of
 * changing length.
 *
 *     npm run build
 *     node bench/step-profile.mjs [--model ~/.cache/coxswain/models/smollm2-135m-instruct] [--smoke]
 *         [--rows 4] [--length 256] [--threads 2] [--rank 16] [--steps 3] [--supervised 1] [--checkpointing]
 *         [--dropout 0.1] [--quantization nf4] [--lengths 200]
 *
 * With one thread, processor time means the same on a busy machine as on an idle one.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onnxEngine } from "../dist/compute/onnx/engine.js";
import { collate } from "../dist/data/row.js";
import { openModelFolder } from "../dist/model/index.js";
import { quickstartModel, readOptions, smollm2 } from "./shared.mjs";

const values = readOptions(
  {
    model: smollm2,
    rows: 4,
    length: 256,
    threads: 2,
    rank: 16,
    steps: 3,
    supervised: 1,
    checkpointing: false,
    dropout: 0,
    quantization: undefined,
    lengths: 0,
  },
  { model: quickstartModel, rows: 1, length: 16, steps: 1 },
);
const { rows, length, supervised, steps, lengths } = values;

const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);
/** The most memory this process ever had, MiB. */
const peak = () => Math.round(process.resourceUsage().maxRSS / 1024);

function makeBatch(size, seed) {
  const row = (at) => {
    const inputIds = Int32Array.from({ length: size }, (_, i) => 1 + ((at * 7919 + i * 104729 + seed) % 1000));
    const labels = inputIds.map((id, i) => ((i * 0.618034) % 1 < supervised ? id : -100));
    return { inputIds, labels, segments: [size] };
  };
  return collate(Array.from({ length: rows }, (_, at) => row(at)));
}

/** Runs `step` and gives its wall and processor seconds. */
async function timed(step) {
  const wall = performance.now();
  const before = process.cpuUsage();
  const result = await step();
  const used = process.cpuUsage(before);
  return { result, wall: (performance.now() - wall) / 1000, cpu: (used.user + used.system) / 1e6 };
}

/** Prints the operators of a profile, most expensive first, a run's worth each. */
function printProfile(folder, runs) {
  const [file] = readdirSync(folder);
  const events = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const totals = new Map();
  let all = 0;
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    if (args.op_name === "Loop") continue; // its body's operators are listed themselves
    const shapes = args.input_type_shape.map((shape) => `[${Object.values(shape)[0].join(",")}]`).join(" ");
    const key = `${args.op_name.padEnd(28)} ${shapes}`;
    const entry = totals.get(key) ?? { count: 0, ms: 0 };
    entry.count++;
    entry.ms += dur / 1000;
    all += dur / 1000;
    totals.set(key, entry);
  }
  console.log(`operators: ${(all / runs).toFixed(0)} ms a step`);
  printByOperator(totals, all, runs);
  for (const [key, { count, ms }] of [...totals].sort((a, b) => b[1].ms - a[1].ms).slice(0, 45)) {
    const share = ((100 * ms) / all).toFixed(1).padStart(5);
    console.log(`${share} %  ${(ms / runs).toFixed(1).padStart(7)} ms  ${String(count / runs).padStart(5)} x  ${key}`);
  }
}

/** The same, whatever the shapes. */
function printByOperator(totals, all, runs) {
  const byName = new Map();
  for (const [key, { ms }] of totals) {
    const [name] = key.split(" ");
    byName.set(name, (byName.get(name) ?? 0) + ms);
  }
  const line = ([name, ms]) => `${name} ${(ms / runs).toFixed(0)} ms (${((100 * ms) / all).toFixed(1)} %)`;
  const largest = [...byName].sort((a, b) => b[1] - a[1]).slice(0, 12);
  console.log(`by operator: ${largest.map(line).join(", ")}`);
}

const folder = mkdtempSync(join(tmpdir(), "step-profile-"));
const profile = lengths === 0 ? { profile: join(folder, "ort") } : {};
const model = await openModelFolder(values.model);
const lora = {
  r: values.rank,
  alpha: 2 * values.rank,
  dropout: values.dropout,
  targetModules: "all-linear",
  useRslora: false,
};
const trainable = await onnxEngine(profile).load(model, lora, {
  device: "cpu",
  dtype: "float32",
  threads: values.threads,
  gradientCheckpointing: values.checkpointing,
  quantization: values.quantization ?? null,
});
const { layout } = trainable;
await trainable.setParameters(new Float32Array(layout.size).map((_, i) => 0.02 * Math.sin(i * 12.9898)));
const gradient = new Float32Array(layout.size);
const key = lora.dropout > 0 ? { seed: 1, step: 1, shard: 0 } : undefined;

const first = await timed(() => trainable.gradients(makeBatch(8, 0), gradient, key));
console.log(
  `session and first step of 8 tokens a row: ${first.wall.toFixed(2)} s, ${first.cpu.toFixed(2)} CPU s; peak ${peak()} MiB`,
);

if (lengths === 0) {
  for (let i = 0; i < steps; i++) {
    const { result, wall, cpu } = await timed(() => trainable.gradients(makeBatch(length, i), gradient, key));
    console.log(
      `${rows} x ${length}: ${wall.toFixed(2)} s, ${cpu.toFixed(2)} CPU s, ${((rows * length) / wall).toFixed(0)} tokens/s, ` +
        `loss ${(result.lossSum / result.tokens).toFixed(4)}, peak ${peak()} MiB`,
    );
  }
  await trainable.dispose();
  printProfile(folder, steps);
} else {
  for (let i = 0; i < lengths; i++) {
    const size = 8 * (1 + ((i * 7) % Math.floor(length / 8)));
    await trainable.gradients(makeBatch(size, i), gradient, key);
    if (i % 20 === 19)
      console.log(`step ${i + 1}: resident ${mebibytes(process.memoryUsage.rss())} MiB, peak ${peak()} MiB`);
  }
  await trainable.dispose();
}
rmSync(folder, { recursive: true });
