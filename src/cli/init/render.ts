/** The text of a run file with comments that say where each value comes from. Pure. */
import { stringify } from "yaml";
import { bytesText, nameOf } from "../../doctor/index.js";
import { planSteps, publishedRate, shortRate } from "../../tune/index.js";
import type { Answers } from "./answers.js";
import type { Inspection } from "./inspect.js";

/** Workers that can share a step. */
const shardsPerStep = 4;

/** If nothing fits into memory, the smallest setting is written, and says so. */
export function renderRun(answers: Answers, { facts, rows, examples, advice, available }: Inspection): string {
  const { learningRate, rule } = publishedRate(facts);
  const plan = planSteps(rows.rows);
  const { choice } = advice;
  // Workers share the shards of a step: a single one would leave nothing for those that join.
  const most = Math.max(1, Math.floor(plan.globalBatchSize / shardsPerStep));
  const micro = Math.min(choice?.rows ?? 1, most);
  const method = choice?.method ?? { quantization: null, gradientCheckpointing: true };
  const memory =
    choice === null
      ? `nothing fits into the ${bytesText(available)} that are free here: the smallest setting`
      : `${nameOf(method)} on this machine, up to micro_batch_size ${choice.rows}: ${advice.why} (${bytesText(available)} free)`;
  const cut =
    rows.truncated === 0
      ? "none is truncated"
      : `${rows.truncated} of ${examples} ${rows.truncated === 1 ? "is" : "are"} truncated`;
  const packing = rows.packing
    ? `examples have ${tokens(rows.meanLength)} on average: several fit into a row`
    : `examples have ${tokens(rows.meanLength)} on average: rows are filled well enough`;
  const shards = Math.ceil(plan.globalBatchSize / micro);
  const held =
    answers.eval === "null"
      ? "there are too few examples to hold any out"
      : /^\d*\.?\d+$/.test(answers.eval)
        ? "held out of the training data by content"
        : "never trained on";
  return `# Written by \`coxswain init\` for this model, data and machine. docs/run-file.md has every key and its default;
# docs/choosing.md explains which settings matter. Paths are relative to this file.
model: ${scalar(answers.model)} # ${facts.family}, ${facts.parameters.toLocaleString("en")} parameters
output_dir: ${scalar(answers.outputDir)}
seed: 42
workers: 1 # processes on this machine; more may join, the adapter stays the same to the bit

data:
  train: ${scalar(answers.data)} # ${counted(examples, "example")}
  eval: ${source(answers.eval)} # ${held}
  # 99 % of the examples have up to ${rows.percentile} tokens, the longest has ${rows.longest}; rounded up to a multiple of 64, at most the
  # model's limit: ${cut}.
  max_length: ${rows.maxLength}
  packing: ${rows.packing} # ${packing}

lora:
  r: 16
  lora_alpha: 32
  target_modules: all-linear

# ${memory}
quantization: ${method.quantization ?? "null"}

training:
  num_train_epochs: ${plan.epochs} # about ${counted(plan.steps, "step")}
  global_batch_size: ${plan.globalBatchSize} # rows per step, however many workers share them
  micro_batch_size: ${micro} # rows per shard: ${shards === 1 ? "1 shard per step, so that only one worker has work" : `${shards} shards per step, which workers share`}
  # ${rule}.
  # \`coxswain lr-find\` measures one instead.
  learning_rate: ${shortRate(learningRate)}
  lr_scheduler_type: cosine
  warmup_ratio: 0.05
  logging_steps: ${plan.loggingSteps}
  save_steps: ${plan.saveSteps}
  save_total_limit: 3

compute:
  gradient_checkpointing: ${method.gradientCheckpointing}
`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

const tokens = (mean: number): string => counted(Math.round(mean), "token");

const scalar = (text: string): string => stringify(text, { lineWidth: 0 }).trimEnd();

/** A share or a number is a number in YAML, not text. */
const source = (text: string): string => (/^(\d*\.?\d+|null)$/.test(text) ? text : scalar(text));
