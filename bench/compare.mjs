/**
 * coxswain's training step beside torch + PEFT's on this machine, in turns: the ratio of tokens a second and of peak
 * memory, and how near each comes to what the machine's float32 matrix products allow.
 *
 *     npm run build && tests/peers/setup.sh
 *     node bench/compare.mjs [--model ~/.cache/coxswain/models/smollm2-135m-instruct] [--rounds 3] [--json] [--smoke]
 *         [--python .venv/bin/python] [--peft-dtype float32|bfloat16]
 *         [any option that both steps have: --rows 4 --length 256 --threads 2 --supervised 0.33 --data FILE …]
 *
 * Every run is a process of its own, A B A B …, so that a change of the machine's speed meets both. On a machine that
 * does other things too, compare the processor seconds.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { median, python, quickstartModel, readOptions, root, smollm2 } from "./shared.mjs";

const shared = ["model", "rows", "length", "threads", "supervised", "data", "rank", "steps", "warmup"];
const settings = readOptions(
  {
    ...Object.fromEntries(shared.map((name) => [name, undefined])),
    model: smollm2,
    rounds: 3,
    python,
    "peft-dtype": "float32",
    json: false,
  },
  { model: quickstartModel, rows: 1, length: 16, steps: 1, warmup: 1, rounds: 1 },
);

/** Runs a step benchmark; the object that it prints as its last line. */
async function measure(command, args) {
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** One side's rounds as one result. */
function summarise(runs) {
  const [{ engine, dtype, rows, length }] = runs;
  const seconds = median(runs.flatMap((run) => run.step_seconds));
  return {
    engine,
    dtype,
    tokens_per_second: (rows * length) / seconds,
    cpu_seconds: median(runs.flatMap((run) => run.step_cpu_seconds)),
    peak_rss_bytes: Math.max(...runs.map((run) => run.peak_rss_bytes)),
    gemm_gflops: Math.max(...runs.map((run) => run.gemm_gflops)),
  };
}

/**
 * Floating-point operations a token that a LoRA step cannot do without: two matrix products with every frozen weight
 * (forward, and the gradient of its input; the head on supervised tokens alone), three with every LoRA matrix, and the
 * attention's, forward and backward, over the full square.
 */
function flopsPerToken(config, { length, supervised_tokens: supervised, rows, trainable_parameters: lora }) {
  const { hidden_size: hidden, intermediate_size: intermediate, num_hidden_layers: layers, vocab_size } = config;
  const heads = config.num_attention_heads;
  const headDim = config.head_dim ?? hidden / heads;
  const keyValue = (config.num_key_value_heads ?? heads) * headDim;
  const frozen = layers * (2 * hidden * heads * headDim + 2 * hidden * keyValue + 3 * hidden * intermediate);
  const head = hidden * vocab_size * (supervised / (rows * length));
  const attention = 12 * length * heads * headDim * layers;
  return 4 * (frozen + head) + 6 * lora + attention;
}

const gibibytes = (bytes) => (bytes / 2 ** 30).toFixed(2);

function print({ ours, theirs, ratio, flops }) {
  const line = (...cells) =>
    console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(18) : cell.padStart(16))).join(""));
  const share = ({ tokens_per_second: rate }) => `${((100 * rate * flops) / ratio.machine_gflops / 1e9).toFixed(0)} %`;
  line("", "tokens/s", "CPU s a step", "peak GiB", "GEMM GFLOP/s", "of the bound");
  for (const side of [ours, theirs]) {
    line(
      `${side.engine} ${side.dtype}`,
      side.tokens_per_second.toFixed(1),
      side.cpu_seconds.toFixed(2),
      gibibytes(side.peak_rss_bytes),
      side.gemm_gflops.toFixed(0),
      share(side),
    );
  }
  line("ratio", ratio.tokens_per_second.toFixed(2), ratio.cpu_seconds.toFixed(2), ratio.peak_memory.toFixed(2));
  const bound = (ratio.machine_gflops * 1e9) / flops;
  console.log(
    `\nThe machine's best float32 product: ${ratio.machine_gflops.toFixed(0)} GFLOP/s; ` +
      `at ${(flops / 1e6).toFixed(0)} MFLOP a token that bounds a float32 step to ${bound.toFixed(0)} tokens/s.`,
  );
  console.log(`tokens/s, round by round: ${ratio.rounds.map((value) => value.toFixed(2)).join(", ")}`);
}

async function main() {
  const given = shared.filter((name) => settings[name] !== undefined);
  const common = given.flatMap((name) => [`--${name}`, String(settings[name])]);
  const sides = {
    ours: [process.execPath, [join(root, "bench", "coxswain_step.mjs"), ...common]],
    theirs: [settings.python, [join(root, "bench", "peft_step.py"), ...common, "--dtype", settings["peft-dtype"]]],
  };
  const runs = { ours: [], theirs: [] };
  for (let round = 0; round < settings.rounds; round++)
    for (const [side, [command, args]] of Object.entries(sides)) {
      const run = await measure(command, args);
      runs[side].push(run);
      const { engine, tokens_per_second: rate, peak_rss_bytes: peak, gemm_gflops: gemm } = run;
      console.error(`${engine}: ${rate.toFixed(1)} tokens/s, ${gibibytes(peak)} GiB, GEMM ${gemm.toFixed(0)} GFLOP/s`);
    }
  const [ours, theirs] = [summarise(runs.ours), summarise(runs.theirs)];
  const ratio = {
    tokens_per_second: ours.tokens_per_second / theirs.tokens_per_second,
    cpu_seconds: ours.cpu_seconds / theirs.cpu_seconds,
    peak_memory: ours.peak_rss_bytes / theirs.peak_rss_bytes,
    machine_gflops: Math.max(ours.gemm_gflops, theirs.gemm_gflops),
    rounds: runs.ours.map((run, round) => run.tokens_per_second / runs.theirs[round].tokens_per_second),
  };
  const config = JSON.parse(readFileSync(join(settings.model, "config.json"), "utf8"));
  const result = { ours, theirs, ratio, flops: flopsPerToken(config, runs.ours[0]) };
  if (settings.json) console.log(JSON.stringify(result));
  else print(result);
}

await main();
