/** Names that a setting may have. Apart from the schema, so that a command's help need not load a validator. */

/** `training.lr_scheduler_type`, as in transformers. */
export const schedulerTypes = [
  "linear",
  "cosine",
  "constant",
  "constant_with_warmup",
  "cosine_with_restarts",
  "polynomial",
  "inverse_sqrt",
  "cosine_with_min_lr",
  "warmup_stable_decay",
] as const;

/** `data.format`, without "auto". */
export const dataFormats = ["messages", "prompt_completion", "text", "tokens", "alpaca", "sharegpt"] as const;
