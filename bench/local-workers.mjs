/**
 * What a step costs beside its computation, and how workers of one machine share its cores: seconds of a step of
 * `coxswain train` with 1, 2 … local workers, beside the same shards by the engine alone, in turns.
 *
 *     npm run build
 *     node bench/local-workers.mjs [--model ~/.cache/coxswain/models/smollm2-135m-instruct] [--smoke]
 *         [--runs 1x2,2x1,2x2] [--rows 4 --length 256] [--shards 4] [--steps 4] [--rounds 2]
 *
 * A run is WORKERSxTHREADS. A step is `shards` shards of `rows` rows; the first step, which builds the graph, is left
 * out. The engine alone computes with the threads of the first run. "idle" is the share of the first worker's time from
 * the end of its second shard to that of its last in which it computed no shard, by its own metrics: waiting for leases,
 * for sums and commits, and applying them.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { median, program, quickstartModel, readOptions, root, smollm2, startNode } from "./shared.mjs";

const options = readOptions(
  { model: smollm2, runs: ["1x2", "2x1", "2x2"], rows: 4, length: 256, shards: 4, steps: 4, rounds: 2 },
  { model: quickstartModel, runs: ["1x1"], rows: 1, length: 16, shards: 2, steps: 3, rounds: 1 },
);
const { model, rows, length, shards, steps, rounds } = options;
const runs = options.runs.map((text) => {
  const [workers, threads] = text.split("x").map(Number);
  return { name: text, workers, threads };
});

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "coxswain-local-workers-"));

/** Follows the first worker's metrics until the run is over. @returns the share of time in which it computed no shard */
async function idleShare(log, isOver) {
  const value = (text, name) => Number(new RegExp(`^${name}\\{?.*?\\}? (.*)$`, "m").exec(text)?.[1]);
  let [first, last] = [];
  let url;
  while (!isOver()) {
    url ??= existsSync(log) ? /"http":"(.*?)"/.exec(readFileSync(log, "utf8"))?.[1] : undefined;
    const text =
      url &&
      (await fetch(`http://${url}/metrics`).then(
        (reply) => reply.text(),
        () => "",
      ));
    const shard = text ? value(text, "coxswain_worker_shards_total") : 0;
    if (shard >= 2 && shard !== last?.shard) {
      last = { shard, at: performance.now() / 1000, busy: value(text, "coxswain_worker_shard_duration_seconds_sum") };
      first ??= last;
    }
    await wait(100);
  }
  return 1 - (last.busy - first.busy) / (last.at - first.at);
}

/** Seconds of the steps after the first, and the first worker's idle share. */
async function train({ name, workers, threads }) {
  const output = join(folder, `${name}-${Date.now()}`);
  const file = join(folder, "run.json");
  const config = {
    model: resolve(model),
    output_dir: output,
    workers,
    data: { train: join(folder, "train.jsonl"), format: "tokens", max_length: length, packing: false },
    lora: { r: 16, target_modules: "all-linear" },
    training: {
      max_steps: steps + 1,
      global_batch_size: rows * shards,
      micro_batch_size: rows,
      learning_rate: 1e-4,
      save_steps: 1000,
    },
    compute: { engine: "onnx", device: "cpu", threads },
    cluster: { listen: "127.0.0.1:0", min_workers: workers },
    telemetry: { http: "127.0.0.1:0" },
  };
  writeFileSync(file, JSON.stringify(config));
  const child = startNode([program, "train", file], { stdio: "ignore" });
  const over = once(child, "exit");
  const idle = await idleShare(join(output, "logs/worker-0.log"), () => child.exitCode !== null);
  await over;
  const lines = readFileSync(join(output, "metrics.jsonl"), "utf8").trim().split("\n").map(JSON.parse);
  return { seconds: lines.slice(1).map((line) => line.step_seconds), idle };
}

/** Seconds of one shard by the engine alone. */
async function engineAlone() {
  const args = Object.entries({ model, rows, length, threads: runs[0].threads, steps, warmup: 1 });
  const flags = args.flatMap(([key, value]) => [`--${key}`, String(value)]);
  const { stdout } = await run(process.execPath, [join(root, "bench/coxswain_step.mjs"), ...flags]);
  return JSON.parse(stdout.trim().split("\n").at(-1)).step_seconds;
}

const ids = (row) => Array.from({ length }, (_, at) => 1 + ((row * 7919 + at * 104729) % 1000));
const examples = Array.from({ length: rows * shards * (steps + 1) }, (_, row) =>
  JSON.stringify({ input_ids: ids(row), labels: ids(row) }),
);
writeFileSync(join(folder, "train.jsonl"), `${examples.join("\n")}\n`);

const engine = [];
const seconds = new Map(runs.map(({ name }) => [name, []]));
const idle = new Map(runs.map(({ name }) => [name, []]));
try {
  for (let round = 1; round <= rounds; round += 1) {
    engine.push(...(await engineAlone()));
    for (const each of runs) {
      const result = await train(each);
      seconds.get(each.name).push(...result.seconds);
      idle.get(each.name).push(result.idle);
    }
    const alone = shards * median(engine);
    console.log(`after round ${round}: engine alone ${alone.toFixed(2)} s for ${shards} shards`);
    for (const [name, all] of seconds) {
      const step = median(all);
      const beside = ((step / alone - 1) * 100).toFixed(1);
      const spread = `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}`;
      const idly = `idle ${idle.get(name).map((share) => `${(share * 100).toFixed(1)} %`)}`;
      console.log(
        `  ${name.padEnd(5)} ${step.toFixed(2)} s a step (${spread}), ${beside} % beside the engine; ${idly}`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
