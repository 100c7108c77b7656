/** `lora`: the adapter that is trained. The names are those of PEFT's LoraConfig. */
import { z } from "zod";
import { count, keyDocs, optionalText, positive, text } from "./docs.js";

export const loraSchema = z.strictObject({
  r: count.default(16).register(keyDocs, {
    description: "Rank of the adapter's matrices. A higher rank trains more parameters and takes more memory.",
    examples: [8],
  }),
  lora_alpha: positive
    .max(1e6)
    .default(32)
    .register(keyDocs, {
      description: "Scale of the adapter: its output is multiplied by `lora_alpha / r`.",
      examples: [16],
      whyAtMost: "the adapter's output is multiplied by lora_alpha / r",
    }),
  lora_dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .register(keyDocs, {
      description:
        "Probability with which each input element of the adapter is dropped in training. The same elements are dropped " +
        "whichever worker computes a row.",
      examples: [0.05],
    }),
  target_modules: z
    .union([z.literal("all-linear"), z.array(text()).min(1)])
    .default("all-linear")
    .register(keyDocs, {
      description:
        "Modules that get an adapter: `all-linear` for every linear layer except the output head, or a list of names.",
      examples: [["q_proj", "v_proj"]],
    }),
  use_rslora: z.boolean().default(false).register(keyDocs, {
    description: "Rank-stabilised LoRA: scales by `lora_alpha / sqrt(r)` instead of `lora_alpha / r`.",
  }),
  init_adapter: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "A PEFT adapter folder, or a checkpoint of an earlier run, whose weights training starts from.",
      whenNull: "a new adapter, which does not change the model's output at first",
      huggingFace: "`PeftModel.from_pretrained(…, is_trainable=True)`",
      examples: ["runs/my-run/adapter"],
    }),
});
