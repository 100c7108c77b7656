/**
 * The run file: every key with its type, range, default and description, one file per section in `schema/`. Defaults are
 * applied here and nowhere else; the reference page and the JSON Schema of editors are generated from it. Names are those
 * of Hugging Face's libraries where these have the setting.
 */
import { z } from "zod";
import { clusterSchema } from "./schema/cluster.js";
import { computeSchema } from "./schema/compute.js";
import { dataSchema } from "./schema/data.js";
import { countOrZero, keyDocs, text } from "./schema/docs.js";
import { loraSchema } from "./schema/lora.js";
import { telemetrySchema } from "./schema/telemetry.js";
import { trainingSchema } from "./schema/training.js";

export { dataFormats, schedulerTypes } from "./choices.js";

export const runSchema = z
  .strictObject({
    model: text().register(keyDocs, {
      description:
        "The base model: a Hugging Face model folder (`config.json`, `*.safetensors`, `tokenizer.json`), or a hub id, which " +
        "is downloaded into the cache.",
      huggingFace: "`model_name_or_path`",
      examples: ["HuggingFaceTB/SmolLM2-135M-Instruct", "./model"],
    }),
    output_dir: text().register(keyDocs, {
      description:
        "Folder that the run writes to. It must not hold a run, unless `--resume` is given, nor files of yours under the " +
        "names that a run writes.",
      examples: ["runs/my-run"],
    }),
    seed: z
      .int()
      .nonnegative()
      .max(Number.MAX_SAFE_INTEGER)
      .default(42)
      .register(keyDocs, {
        description:
          "Seed of the adapter's initial values, of the order of examples and of dropout. The same seed gives the same " +
          "adapter.",
        examples: [7],
      }),
    workers: countOrZero
      .max(1024)
      .default(1)
      .register(keyDocs, {
        description:
          "Worker processes that `coxswain train` starts on this machine; 0 starts none and waits for remote workers. " +
          "`--workers` overrides it.",
        unit: "processes",
        examples: [2],
        whyAtMost: "each is a process on this machine. Workers on other machines join separately (workers: 0)",
      }),
    data: dataSchema.register(keyDocs, { description: "What is trained on." }),
    lora: loraSchema.prefault({}).register(keyDocs, {
      description: "The adapter. The names are those of PEFT's LoraConfig.",
    }),
    quantization: z
      .enum(["nf4"])
      .nullable()
      .default(null)
      .register(keyDocs, {
        description: "`nf4` for QLoRA: keeps the linear layers of the base model in 4 bits.",
        whenNull: "no quantisation",
        huggingFace: "`load_in_4bit`, with `bnb_4bit_quant_type: nf4` and `bnb_4bit_use_double_quant`",
        examples: ["nf4"],
      }),
    training: trainingSchema.prefault({}).register(keyDocs, {
      description:
        "Batches, steps, optimiser and schedule. The names are those of transformers' TrainingArguments; learning rates, " +
        "AdamW, clipping and the token-weighted loss are those of transformers 5 and torch.",
    }),
    compute: computeSchema.prefault({}).register(keyDocs, {
      description: "What the workers compute with.",
    }),
    cluster: clusterSchema.prefault({}).register(keyDocs, {
      description: "How coordinator and workers find, trust and wait for each other.",
    }),
    telemetry: telemetrySchema.prefault({}).register(keyDocs, {
      description: "Where the run can be watched and steered.",
    }),
  })
  .register(keyDocs, {
    description: "A run of Coxswain: which model is fine-tuned, on which data, and how.",
  });

/** A run file with every default applied. */
export type RunConfig = z.output<typeof runSchema>;
/** The keys of a run file as a program gives them: what has a default may be omitted. */
export type RunConfigInput = z.input<typeof runSchema>;
export type DataConfig = RunConfig["data"];
export type TrainingConfig = RunConfig["training"];
