/** `training`: batches, steps, the optimiser and the schedule. The names are those of transformers' TrainingArguments. */
import { z } from "zod";
import { bestMetrics, schedulerTypes } from "../choices.js";
import { count, countOrZero, keyDocs, positive, text } from "./docs.js";

const message = z
  .strictObject({
    role: text().register(keyDocs, { description: "`system`, `user` or `assistant`.", examples: ["user"] }),
    content: z.string().register(keyDocs, { description: "The text.", examples: ["Hello"] }),
  })
  .register(keyDocs, { description: "A message of a prompt.", accepts: "a message ({ role: …, content: … })" });

const prompt = z.union([text(), z.array(message).min(1)]).register(keyDocs, {
  description: "A text, or a conversation to answer.",
  accepts: "text or a list of messages ([{ role: …, content: … }])",
});

const beta = z.number().min(0).lt(1);

export const trainingSchema = z.strictObject({
  global_batch_size: count
    .max(1_048_576)
    .default(32)
    .register(keyDocs, {
      description: "Rows that one optimiser step uses, whatever the number of workers.",
      unit: "rows per step",
      huggingFace: "`per_device_train_batch_size` × `gradient_accumulation_steps` × number of devices",
      examples: [64],
      whyAtMost: "this is the number of rows per step",
    }),
  micro_batch_size: count
    .max(65_536)
    .default(4)
    .register(keyDocs, {
      description:
        "Rows of one shard, the unit of work that a worker computes together. It decides the memory that a worker needs, " +
        "and is part of the result's rounding: keep it when you compare adapters bit by bit. At most " +
        "`training.global_batch_size`.",
      unit: "rows per shard",
      huggingFace: "`per_device_train_batch_size`",
      examples: [8],
      whyAtMost: "a worker computes these rows together, in memory",
    }),
  num_train_epochs: positive
    .max(100_000)
    .default(3)
    .register(keyDocs, {
      description: "Passes over the training data; may be a fraction. `training.max_steps` overrides it.",
      unit: "epochs",
      examples: [1],
      whyAtMost: "each epoch is a pass over all of the data",
    }),
  max_steps: count
    .max(100_000_000)
    .nullable()
    .default(null)
    .register(keyDocs, {
      description: "Total number of optimiser steps. Overrides `training.num_train_epochs`.",
      unit: "steps",
      whenNull: "as many steps as the epochs take",
      huggingFace: "the same; -1 there is `null` here",
      examples: [1000],
      whyAtMost: "more steps would take years, at one second each",
    }),
  learning_rate: z
    .number()
    .nonnegative()
    .default(2e-4)
    .register(keyDocs, {
      description: "Learning rate of AdamW after the warm-up, from which the schedule takes it down.",
      examples: [0.0001],
    }),
  lr_scheduler_type: z
    .enum(schedulerTypes)
    .default("cosine")
    .register(keyDocs, {
      description: "Schedule of the learning rate after the warm-up.",
      examples: ["linear"],
    }),
  lr_scheduler_kwargs: z
    .record(z.string(), z.union([z.number(), z.string()]))
    .default({})
    .register(keyDocs, {
      description:
        "Parameters of the schedule, under transformers' names: `min_lr`, `min_lr_rate`, `num_cycles`, `power`, `lr_end`, " +
        "`num_decay_steps` and so on. Which of them a schedule takes depends on `training.lr_scheduler_type`.",
      examples: [{ min_lr_rate: 0.1 }],
    }),
  warmup_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .register(keyDocs, {
      description:
        "Share of all steps over which the learning rate rises from 0, rounded up to whole steps. `training.warmup_steps` " +
        "overrides it.",
      unit: "fraction of all steps",
      examples: [0.05],
    }),
  warmup_steps: countOrZero
    .nullable()
    .default(null)
    .register(keyDocs, {
      description: "Steps over which the learning rate rises from 0. Overrides `training.warmup_ratio`.",
      unit: "steps",
      whenNull: "`training.warmup_ratio` decides",
      huggingFace: "the same; 0 there is `null` here",
      examples: [100],
    }),
  weight_decay: z
    .number()
    .nonnegative()
    .default(0)
    .register(keyDocs, {
      description: "AdamW's decoupled weight decay.",
      examples: [0.01],
    }),
  adam_beta1: beta.default(0.9).register(keyDocs, {
    description: "AdamW's decay rate of the first moment (the mean of gradients).",
  }),
  adam_beta2: beta.default(0.999).register(keyDocs, {
    description: "AdamW's decay rate of the second moment (the mean of squared gradients).",
    examples: [0.95],
  }),
  adam_epsilon: positive.default(1e-8).register(keyDocs, {
    description: "AdamW's term that keeps the divisor above zero.",
  }),
  max_grad_norm: z
    .number()
    .nonnegative()
    .default(1)
    .register(keyDocs, {
      description:
        "Maximum L2 norm of the global gradient: a larger gradient is scaled down to it. 0 switches clipping off.",
      examples: [0.3],
    }),
  logging_steps: count.default(1).register(keyDocs, {
    description: "Steps between progress lines in the terminal. `metrics.jsonl` has every step.",
    unit: "steps",
    examples: [10],
  }),
  eval_steps: count
    .nullable()
    .default(null)
    .register(keyDocs, {
      description: "Steps between evaluations. Needs `data.eval` or `training.sample_prompts`.",
      unit: "steps",
      whenNull: "one evaluation at the end, if there is anything to evaluate",
      examples: [100],
    }),
  save_steps: count.default(100).register(keyDocs, {
    description: "Steps between checkpoints. The last step is always saved.",
    unit: "steps",
    examples: [500],
  }),
  save_total_limit: count
    .nullable()
    .default(null)
    .register(keyDocs, {
      description:
        "Number of checkpoints that are kept; the oldest are deleted, but never the best one (see " +
        "`training.metric_for_best_model`).",
      unit: "checkpoints",
      whenNull: "all are kept",
      examples: [3],
    }),
  predict_with_generate: z
    .boolean()
    .default(false)
    .register(keyDocs, {
      description:
        "Also generates answers to the evaluation set in every evaluation, on all workers, and reports the share that " +
        "equals the expected ones (`eval_exact_match`), as `coxswain eval --exact-match` does. Implied by " +
        "`training.metric_for_best_model: exact_match`. Needs `data.eval`.",
      huggingFace: "`predict_with_generate` of `Seq2SeqTrainingArguments`",
      examples: [true],
    }),
  sample_prompts: z
    .array(prompt)
    .min(1)
    .nullable()
    .default(null)
    .register(keyDocs, {
      description:
        "Prompts that are answered in every evaluation and at the end, into `samples.jsonl`: each a text (a user's message, " +
        "or without a chat template a text to continue) or a list of messages. The likeliest tokens, 256 at most.",
      accepts: "a list of texts and lists of messages",
      whenNull: "none",
      examples: [["What is the capital of France?"]],
    }),
  metric_for_best_model: z
    .enum(bestMetrics)
    .nullable()
    .default(null)
    .register(keyDocs, {
      description:
        "Metric by which evaluations are compared: `eval_loss` (lower is better) or `exact_match` (higher is better, so " +
        "there is no `greater_is_better`). The state of the best evaluation is saved as a checkpoint, whatever " +
        "`training.save_steps` is. Needs `data.eval`.",
      whenNull: "evaluations are not compared",
      examples: ["eval_loss"],
    }),
  load_best_model_at_end: z
    .boolean()
    .default(false)
    .register(keyDocs, {
      description:
        "Makes the final adapter from the best evaluated state instead of the last one. Needs " +
        "`training.metric_for_best_model` and `training.eval_steps`.",
      examples: [true],
    }),
  early_stopping_patience: count
    .nullable()
    .default(null)
    .register(keyDocs, {
      description:
        "Stops training when this many evaluations in succession have not improved the metric. Needs " +
        "`training.metric_for_best_model` and `training.eval_steps`.",
      unit: "evaluations",
      whenNull: "all steps are trained",
      huggingFace: "`EarlyStoppingCallback`",
      examples: [3],
    }),
  early_stopping_threshold: z
    .number()
    .nonnegative()
    .default(0)
    .register(keyDocs, {
      description:
        "How much better than the best value so far an evaluation must be to count as an improvement for " +
        "`training.early_stopping_patience`.",
      unit: "that of the metric",
      huggingFace: "`EarlyStoppingCallback`",
      examples: [0.001],
    }),
});
