/** Choices and some defaults of settings, separate from the schema so that help texts need not load a validator. */

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

/** `training.metric_for_best_model`. */
export const bestMetrics = ["eval_loss", "exact_match"] as const;

/** `data.format`, without "auto". */
export const dataFormats = ["messages", "prompt_completion", "text", "tokens", "alpaca", "sharegpt"] as const;

/** Keys that examples of these formats may have: the left side of a source's `columns`. */
export const exampleKeys = [
  "messages",
  "conversations",
  "prompt",
  "completion",
  "instruction",
  "input",
  "output",
  "text",
  "input_ids",
  "labels",
  "attention_mask",
  "system",
  "history",
  "tools",
  "chat_template_kwargs",
] as const;

/** `compute.engine`, without "auto". */
export const engines = ["onnx", "tfjs"] as const;

/** `compute.device`, without "auto". */
export const devices = ["cpu", "cuda", "webgpu"] as const;

/** `compute.dtype`, without "auto". */
export const floatTypes = ["float32", "float16", "bfloat16"] as const;

/** Default listen addresses, by dotted key. */
export const defaultAddresses = { "cluster.listen": "127.0.0.1:7070", "telemetry.http": "127.0.0.1:9464" } as const;
