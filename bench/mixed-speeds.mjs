/**
 * Workers of different speeds, as processes of their own: how far a step is from the best that any division of its shards
 * could reach. Each worker is stopped for a share of every 40 ms, in the same way alone (which gives its speed) and
 * together. The shares must leave much of the machine free: alone a worker has all of its caches and memory, and what cores
 * that are all busy take from each other would count as a fault of the division.
 *
 *     npm run build && node bench/mixed-speeds.mjs [--shares 0.4,0.4,0.1] [--shards 48] [--steps 8] [--json] [--smoke]
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SlowDown } from "../dist/chaos/slow-down.js";
import { median, program, readOptions, startCoordinator, startNode } from "./shared.mjs";

const { shares, shards, alone, steps, json } = readOptions(
  // `alone`: shards of a step that one worker computes alone.
  { shares: [0.4, 0.4, 0.1], shards: 48, alone: 12, steps: 8, json: false },
  { shares: [0.9], shards: 2, alone: 2, steps: 3 },
);

/** A worker that runs for a share of the time. */
function startWorker(address, share) {
  const child = startNode([program, "worker", "--coordinator", address, "--http", "none"], { stdio: "ignore" });
  let alive = true;
  const handle = { stop: () => alive && child.kill("SIGSTOP"), goOn: () => alive && child.kill("SIGCONT") };
  const slow = new SlowDown(1 / share, () => handle);
  const exited = once(child, "exit").then(() => {
    alive = false;
    slow.close();
  });
  return { exited };
}

/** @returns seconds of each step but the first two, in which speeds are not known yet */
async function stepsOf(workerShares, shardsPerStep, maxSteps) {
  const { run, address, finished, remove } = await startCoordinator({
    training: { max_steps: maxSteps, global_batch_size: shardsPerStep * 4, micro_batch_size: 4 },
    cluster: { min_workers: workerShares.length },
  });
  const workers = workerShares.map((share) => startWorker(address, share));
  await finished;
  await Promise.all(workers.map(({ exited }) => exited));
  const lines = readFileSync(join(run.output_dir, "metrics.jsonl"), "utf8").trimEnd().split("\n").map(JSON.parse);
  remove();
  return lines.slice(2).map((line) => line.step_seconds);
}

/** The shortest time in which so many whole shards can be computed at these speeds (shards a second). */
function ideal(speeds) {
  const finished = speeds.flatMap((speed) => Array.from({ length: shards }, (_, index) => (index + 1) / speed));
  return finished.sort((a, b) => a - b)[shards - 1];
}

const speeds = [];
for (const share of shares) speeds.push(alone / median(await stepsOf([share], alone, Math.min(steps, 5))));
const seconds = median(await stepsOf(shares, shards, steps));
const best = ideal(speeds);
if (json) console.log(JSON.stringify({ shares, speeds, shards, seconds, best, ratio: seconds / best }));
else
  console.log(
    `shards a second alone: ${speeds.map((speed) => speed.toFixed(2)).join(", ")}; ` +
      `${shards} shards together: ${seconds.toFixed(2)} s, at best ${best.toFixed(2)} s, ratio ${(seconds / best).toFixed(2)}`,
  );
