/** A program that uses every part of the library; it is compiled against the packed types, and never run. */
import {
  CoxswainError,
  evaluate,
  generate,
  loadRun,
  merge,
  preview,
  startCoordinator,
  startWorker,
  train,
  type ErrorCode,
  type RunConfigInput,
  type RunView,
  type StepMetrics,
  type TrainResult,
} from "coxswain";

const run: RunConfigInput = { model: "m", output_dir: "out", data: { train: ["a.jsonl"] }, lora: { r: 4 } };
// @ts-expect-error: there is no such key.
const wrong: RunConfigInput = { ...run, lora: { rank: 4 } };
const view: RunView = { step: ({ loss }) => loss.toFixed(2), note: () => undefined, waiting: () => undefined };

try {
  const { config } = await loadRun(wrong, { training: { learning_rate: 1e-4 } });
  const rate: number = config.training.learning_rate;
  const training = await train("run.yaml", { overrides: { workers: 2 }, signal: AbortSignal.timeout(rate), view });
  for await (const step of training.steps) ((line: StepMetrics): number => line.grad_norm)(step);
  for await (const { time, event } of training.events) if (event === "worker_joined") console.log(time);
  const { adapter }: TrainResult = await training.result;
  const coordinator = await startCoordinator(run, { stay: true });
  const worker = await startWorker({ coordinator: coordinator.address, device: "cpu" });
  console.log((await worker.result) === "completed", coordinator.status().workers.length);
  const answer = generate({ adapter, messages: [{ role: "user", content: "hello" }] });
  for await (const text of answer) process.stdout.write(text);
  console.log((await answer.result).finishReason, (await evaluate({ adapter, data: "eval.jsonl" })).perplexity);
  console.log((await merge({ adapter, output: "merged" })).rounding?.lost, (await preview(run)).statistics.tokens);
} catch (error) {
  if (error instanceof CoxswainError) ((code: ErrorCode): void => console.error(code, error.hint))(error.code);
}
