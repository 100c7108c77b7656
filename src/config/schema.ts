/**
 * The run file: every key, its default and its range. Defaults are applied here and nowhere else. Names are those of
 * Hugging Face's libraries where these have the setting.
 */
import { z } from "zod";
import { dataFormats, defaultAddresses, schedulerTypes } from "./choices.js";

export { dataFormats, schedulerTypes } from "./choices.js";

const count = z.int().positive();
const countOrZero = z.int().nonnegative();
const positive = z.number().positive();
const fraction = z.number().min(0).max(1);

const dataSchema = z.strictObject({
  /** A file, a list of files or a folder of .jsonl files; relative to the run file. */
  train: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  eval: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .nullable()
    .default(null),
  /** "auto" looks at the keys of the first example. */
  format: z.enum(["auto", ...dataFormats]).default("auto"),
  /** Tokens a row at most. A longer example is cut at the end (and counted in the log). */
  max_length: z.int().min(2).default(1024),
  /** Several examples a row; attention never crosses them and positions restart. */
  packing: z.boolean().default(false),
  shuffle: z.boolean().default(true),
  /** Conversations: only the assistant's tokens are supervised. */
  assistant_only_loss: z.boolean().default(true),
  /** Prompt and completion: only the completion is supervised. */
  completion_only_loss: z.boolean().default(true),
  /** A Jinja chat template (text, or the path of a file) in place of the model's own. */
  chat_template: z.string().nullable().default(null),
});

const loraSchema = z.strictObject({
  r: count.default(16),
  lora_alpha: positive.default(32),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.union([z.literal("all-linear"), z.array(z.string().min(1)).min(1)]).default("all-linear"),
  use_rslora: z.boolean().default(false),
  /** A PEFT folder to start from. */
  init_adapter: z.string().nullable().default(null),
});

const trainingSchema = z.strictObject({
  /** Rows a step, whatever the number of workers. */
  global_batch_size: count.default(32),
  /** Rows a shard: the unit of work. */
  micro_batch_size: count.default(4),
  num_train_epochs: positive.default(3),
  /** Steps in all; overrides num_train_epochs. */
  max_steps: count.nullable().default(null),
  learning_rate: z.number().nonnegative().default(2e-4),
  lr_scheduler_type: z.enum(schedulerTypes).default("cosine"),
  lr_scheduler_kwargs: z.record(z.string(), z.union([z.number(), z.string()])).default({}),
  /** Share of the steps, rounded up; `warmup_steps` overrides it. */
  warmup_ratio: fraction.default(0),
  warmup_steps: countOrZero.nullable().default(null),
  weight_decay: z.number().nonnegative().default(0),
  adam_beta1: z.number().min(0).lt(1).default(0.9),
  adam_beta2: z.number().min(0).lt(1).default(0.999),
  adam_epsilon: positive.default(1e-8),
  /** 0 does not clip. */
  max_grad_norm: z.number().nonnegative().default(1),
  logging_steps: count.default(1),
  /** Steps between evaluations; null evaluates at the end, where there is `data.eval`. */
  eval_steps: count.nullable().default(null),
  save_steps: count.default(100),
  /** Checkpoints kept; null keeps all. */
  save_total_limit: count.nullable().default(null),
});

const computeSchema = z.strictObject({
  engine: z.enum(["auto", "onnx", "tfjs"]).default("auto"),
  device: z.enum(["auto", "cpu", "cuda", "webgpu"]).default("auto"),
  dtype: z.enum(["auto", "float32", "float16", "bfloat16"]).default("auto"),
  gradient_checkpointing: z.boolean().default(false),
  /**
   * Threads of one worker's computation on a CPU: the same for all workers, because the runtime's matrix products sum in
   * an order that depends on it. "auto" is the number of cores where the run is started.
   */
  threads: z.union([z.literal("auto"), count]).default("auto"),
});

const tlsSchema = z.strictObject({
  /** PEM files. `ca` asks the other side for a certificate signed by it. */
  cert: z.string().min(1),
  key: z.string().min(1),
  ca: z.string().min(1).nullable().default(null),
});

const clusterSchema = z.strictObject({
  /** HOST:PORT of the coordinator; port 0 takes a free one. */
  listen: z.string().min(1).default(defaultAddresses["cluster.listen"]),
  /** Workers below which no step begins. */
  min_workers: count.default(1),
  /** star: the coordinator reduces; mesh: the workers do, a slice each; auto: whichever is expected to be faster. */
  all_reduce: z.enum(["auto", "star", "mesh"]).default("auto"),
  /** Of gradients on the wire. bfloat16 halves the bytes; sums are rounded to it, so the result is another one. */
  all_reduce_dtype: z.enum(["float32", "bfloat16"]).default("float32"),
  /** Seconds of silence after which a worker, or the coordinator, is taken for dead. */
  heartbeat_timeout: z.number().positive().max(3600).default(15),
  /** Seconds that a worker tries to reach a coordinator that is gone, and that a restarted one waits for workers. */
  reconnect_timeout: z.number().nonnegative().max(86_400).default(300),
  /** Let workers compute with different engines or backends: the last bits then depend on who computed what. */
  allow_mixed_engines: z.boolean().default(false),
  /** How coordinator and workers reach each other: directly, or through the proxy of http_proxy and its like. */
  proxy: z.enum(["none", "environment"]).default("none"),
  tls: tlsSchema.nullable().default(null),
  /** A shared secret that workers must show. */
  token: z.string().min(1).nullable().default(null),
});

const natsSchema = z.strictObject({
  /** nats://HOST:PORT, or tls://HOST:PORT to insist on TLS; several of one cluster: whichever answers. */
  url: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** The run's name in subjects; null: the last part of output_dir. */
  run: z.string().min(1).nullable().default(null),
  /** HOST or HOST:PORT under which workers are told to reach the coordinator; null: where it listens. */
  advertise: z.string().min(1).nullable().default(null),
  /** Who it is, in one of four ways: a .creds file, a file with an NKey's seed, user and password, a token. */
  credentials: z.string().min(1).nullable().default(null),
  nkey: z.string().min(1).nullable().default(null),
  user: z.string().min(1).nullable().default(null),
  password: z.string().min(1).nullable().default(null),
  token: z.string().min(1).nullable().default(null),
  /** PEM files: who signed the server's certificate (null: an authority that Node knows), and one's own. Insists on TLS. */
  tls: z
    .strictObject({
      ca: z.string().min(1).nullable().default(null),
      cert: z.string().min(1).nullable().default(null),
      key: z.string().min(1).nullable().default(null),
    })
    .nullable()
    .default(null),
});

const telemetrySchema = z.strictObject({
  /** HOST:PORT for /metrics, /healthz and /readyz; null serves none. */
  http: z.string().nullable().default(defaultAddresses["telemetry.http"]),
  /** Events, control and discovery over NATS; null: none. */
  nats: natsSchema.nullable().default(null),
});

export const runSchema = z.strictObject({
  /** A Hugging Face model folder (relative to the run file) or a hub id. */
  model: z.string().min(1),
  /** Relative to the run file. */
  output_dir: z.string().min(1),
  seed: z.int().nonnegative().max(Number.MAX_SAFE_INTEGER).default(42),
  /** Local workers that `train` starts; 0 waits for remote ones. */
  workers: countOrZero.default(1),
  data: dataSchema,
  lora: loraSchema.prefault({}),
  /** "nf4" for QLoRA: the linear layers of the base model in 4 bits. */
  quantization: z.enum(["nf4"]).nullable().default(null),
  training: trainingSchema.prefault({}),
  compute: computeSchema.prefault({}),
  cluster: clusterSchema.prefault({}),
  telemetry: telemetrySchema.prefault({}),
});

/** A run file with every default applied. */
export type RunConfig = z.output<typeof runSchema>;
export type DataConfig = RunConfig["data"];
export type TrainingConfig = RunConfig["training"];
