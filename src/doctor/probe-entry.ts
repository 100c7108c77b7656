/** The doctor's measuring process: one request, one reply; its memory is that of the computation. */
import { detach } from "../async/index.js";
import { openEngine, type Trainable } from "../compute/index.js";
import { collate, type Row } from "../data/index.js";
import { packError } from "../packed-error.js";
import { initialParameters, openModelFolder } from "../model/index.js";
import { Replica } from "../optim/index.js";
// What a worker has loaded besides counts as well: a worker's memory is to be told.
import "../rpc/index.js";
import "../telemetry/index.js";
import type { LossAnswer, LossProbe, ProbeReply, ProbeRequest, StepAnswer, StepProbe } from "./probe-messages.js";

/** Sums that a worker keeps besides its gradient while it computes a lease: nodes of the reduction tree. */
const sumsKept = 3;

// Nobody waits for the measurement any more.
process.once("disconnect", () => process.exit());

process.once("message", (request: ProbeRequest) => {
  const answer = request.kind === "steps" ? steps(request) : loss(request);
  const reply = (given: ProbeReply): void => {
    process.send?.(given, () => process.disconnect());
  };
  detach(
    answer.then((given) => reply({ answer: given })),
    (error) => reply({ error: packError(error) }),
  );
});

async function steps({ model, lora, compute, layers, length, rows }: StepProbe): Promise<StepAnswer> {
  const folder = await openModelFolder(model);
  const { engine, options } = await openEngine(compute);
  const trainable = await engine.load(folder, lora, { ...options, layers });
  const { layout } = trainable;
  const replica = new Replica(layout.size, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  replica.parameters.set(initialParameters(layout, 1));
  const vectors = Array.from({ length: 1 + sumsKept }, () => new Float32Array(layout.size));
  const [gradient = new Float32Array(layout.size)] = vectors;
  // Memory that is only asked for is not resident.
  for (const touched of [replica.m, replica.v, ...vectors]) touched.fill(1e-9);
  await trainable.setParameters(replica.parameters);
  // One-time work is done before anything is timed.
  await step(trainable, 1, 8, gradient);
  const taken: StepAnswer["steps"][number][] = [];
  for (const count of rows) taken.push(await step(trainable, count, length, gradient));
  await trainable.dispose();
  return { steps: taken };
}

async function step(
  trainable: Trainable,
  rows: number,
  length: number,
  gradient: Float32Array,
): Promise<{ peakBytes: number; seconds: number }> {
  const batch = collate(Array.from({ length: rows }, (_, row) => madeUpRow(row, length)));
  const start = performance.now();
  await trainable.gradients(batch, gradient, { seed: 1, step: 1, shard: 0 });
  return { seconds: (performance.now() - start) / 1000, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

/** Low ids: every vocabulary has them. All of it is supervised. */
function madeUpRow(row: number, length: number): Row {
  const inputIds = Int32Array.from({ length }, (_, place) => 1 + ((row * 7919 + place * 104729) % 97));
  return { inputIds, labels: inputIds, segments: [length] };
}

async function loss({ model, compute, rows }: LossProbe): Promise<LossAnswer> {
  const folder = await openModelFolder(model);
  const { engine, options } = await openEngine(compute);
  const trainable = await engine.load(folder, null, options);
  let lossSum = 0;
  let tokens = 0;
  for (const { inputIds, labels, segments } of rows) {
    const row = { inputIds: Int32Array.from(inputIds), labels: Int32Array.from(labels), segments };
    const sum = await trainable.loss(collate([row]));
    lossSum += sum.lossSum;
    tokens += sum.tokens;
  }
  await trainable.dispose();
  return { loss: lossSum / tokens, tokens };
}
