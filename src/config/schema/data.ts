/** `data`: what is trained on, and how it becomes rows of tokens. */
import { z } from "zod";
import { dataFormats } from "../choices.js";
import { keyDocs, optionalText, paths } from "./docs.js";

export const dataSchema = z.strictObject({
  train: paths().register(keyDocs, {
    description: "Training data: a `.jsonl` file, a list of files, or a folder of `.jsonl` files.",
    huggingFace: "`train_dataset` of TRL's SFTTrainer",
    examples: ["train.jsonl", ["part-1.jsonl", "part-2.jsonl"]],
  }),
  eval: paths()
    .nullable()
    .default(null)
    .register(keyDocs, {
      description: "Data for the evaluation loss, in the same form as `data.train`.",
      whenNull: "no evaluation",
      huggingFace: "`eval_dataset` of TRL's SFTTrainer",
      examples: ["eval.jsonl"],
    }),
  format: z
    .enum(["auto", ...dataFormats])
    .default("auto")
    .register(keyDocs, {
      description: "How an example is written. `auto` recognises the format by the first example.",
      examples: ["messages"],
    }),
  max_length: z
    .int()
    .min(2)
    .max(1_048_576)
    .default(1024)
    .register(keyDocs, {
      description:
        "Maximum length of a row. A longer example is cut at its end; how many were cut is counted and reported.",
      unit: "tokens",
      examples: [2048],
      whyAtMost: "attention over longer rows does not fit in memory",
    }),
  packing: z
    .boolean()
    .default(false)
    .register(keyDocs, {
      description:
        "Puts several examples into one row. Attention never crosses from one example to another, and positions restart " +
        "at each.",
    }),
  shuffle: z.boolean().default(true).register(keyDocs, {
    description: "Draws a new order of the examples for each epoch, from `seed`. `false` keeps the order of the files.",
  }),
  assistant_only_loss: z.boolean().default(true).register(keyDocs, {
    description:
      "For conversations: computes the loss only on what the assistant says. `false` computes it on every token.",
  }),
  completion_only_loss: z.boolean().default(true).register(keyDocs, {
    description:
      "For pairs of prompt and completion: computes the loss only on the completion. `false` computes it on both.",
  }),
  chat_template: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "A Jinja chat template, as text or as the path of a file, that replaces the model's own.",
      whenNull: "the model's own template",
      huggingFace: "`chat_template_path` of TRL's SFTConfig",
      examples: ["chat_template.jinja"],
    }),
});
