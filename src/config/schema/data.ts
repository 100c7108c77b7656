/** `data`: what is trained on, and how it becomes rows of tokens. */
import { z } from "zod";
import { dataFormats } from "../choices.js";
import { keyDocs, optionalText } from "./docs.js";
import { sources, sourcesAccept } from "./source.js";

export const dataSchema = z.strictObject({
  train: sources().register(keyDocs, {
    description:
      "Training data: a file (JSONL, JSON, CSV, TSV, Parquet; the first four also as `.gz` or `.zst`), a folder of files, a " +
      "data set of the hub, or a list of these. A source with further keys is an object.",
    accepts: sourcesAccept,
    huggingFace: "`train_dataset` of TRL's SFTTrainer",
    examples: [
      "train.jsonl",
      ["part-1.jsonl", "part-2.parquet"],
      [
        { path: "chats.jsonl", weight: 2 },
        { path: "qa.csv", columns: { prompt: "question", completion: "answer" }, limit: 500 },
      ],
    ],
  }),
  eval: z
    .union([sources(), z.number().positive()])
    .nullable()
    .default(null)
    .register(keyDocs, {
      description:
        "Data for the evaluation loss: sources like those of `data.train`, or how much of `data.train` is held out for it, as " +
        "a share (below 1) or as a number of examples. The content of an example decides on which side it is.",
      accepts: `${sourcesAccept}, or a share below 1, or a number of examples`,
      whenNull: "no evaluation",
      huggingFace: "`eval_dataset` of TRL's SFTTrainer; `train_test_split` of `datasets`",
      examples: ["eval.jsonl", 0.05, 200],
    }),
  format: z
    .enum(["auto", ...dataFormats])
    .default("auto")
    .register(keyDocs, {
      description: "How an example is written. `auto` recognises the format of each source by its first example.",
      examples: ["messages"],
    }),
  on_bad_example: z
    .enum(["error", "skip"])
    .default("error")
    .register(keyDocs, {
      description:
        "What to do about an example that cannot be trained on: not JSON, of another structure, with an unknown role, " +
        "refused by the chat template, without a supervised token, with a token outside the vocabulary. `error` ends the " +
        "run before its first step, with the line; `skip` omits such examples, counts them at the start and in `preview`, " +
        "and lists the first 100 in `events.jsonl`.",
      examples: ["skip"],
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
  turns: z
    .enum(["all", "last"])
    .default("all")
    .register(keyDocs, {
      description:
        "Which assistant turns of a conversation are supervised. Each is trained in the context in which a model will be " +
        "asked for it: where the chat template rewrites earlier turns (drops their reasoning), a conversation becomes one " +
        "example per turn. `last` supervises only the last one.",
      examples: ["last"],
    }),
  chat_template: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "A Jinja chat template, as text or as the path of a file, that replaces the model's own.",
      whenNull: "the model's own template",
      huggingFace: "`chat_template_path` of TRL's SFTConfig",
      examples: ["chat_template.jinja"],
    }),
  chat_template_kwargs: z
    .record(z.string(), z.json())
    .default({})
    .register(keyDocs, {
      description:
        "Variables of the chat template, such as `enable_thinking` or `reasoning_effort`, in training and evaluation. They " +
        "are recorded with the adapter, and `coxswain generate` uses them. An example's own `chat_template_kwargs`, " +
        "beside `messages`, go before these, key by key; null stands for no value.",
      huggingFace: "`chat_template_kwargs` of a data set in TRL; keyword arguments of `apply_chat_template`",
      examples: [{ enable_thinking: false }],
    }),
});
