/** A worker computes with the settings of the run file, all of them, or not at all. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseRun, workerSchema } from "../../../src/config/index.js";
import type { RunConfig } from "../../../src/config/index.js";
import { allKeys } from "../../../src/config/keys.js";
import { coordinatorService, readRunConfig, runConfigMessage } from "../../../src/rpc/index.js";
import type { RunConfigMessage, RunConfigOutput } from "../../../src/rpc/index.js";
import {
  deviceWords,
  engineWords,
  floatWords,
  proxyWords,
  quantizationWords,
  taskWords,
} from "../../../src/rpc/words.js";

/** Keys, and sections with all below them, that workers have no use for, or must not have. A new key belongs here, or into `workerSchema`. */
const notForWorkers = [
  "workers",
  "data",
  "lora.init_adapter",
  "training.global_batch_size",
  "training.micro_batch_size",
  "training.num_train_epochs",
  "training.max_steps",
  "training.learning_rate",
  "training.lr_scheduler_type",
  "training.lr_scheduler_kwargs",
  "training.warmup_ratio",
  "training.warmup_steps",
  "training.max_grad_norm",
  "training.logging_steps",
  "training.eval_steps",
  "training.save_steps",
  "training.save_total_limit",
  "training.predict_with_generate",
  "training.sample_prompts",
  "training.metric_for_best_model",
  "training.load_best_model_at_end",
  "training.early_stopping_patience",
  "training.early_stopping_threshold",
  "cluster.listen",
  "cluster.min_workers",
  "cluster.all_reduce",
  // Welcome.silence_timeout_ms.
  "cluster.heartbeat_timeout",
  "cluster.allow_mixed_engines",
  "cluster.limits",
  "cluster.verify",
  "cluster.data_networks",
  "cluster.tls",
  "cluster.token",
  "telemetry",
];

/** Every value differs from its default. */
const unusual = parseRun(
  `
model: org/name
output_dir: runs/one
seed: 9007199254740991
data: { train: t.jsonl }
lora: { r: 3, lora_alpha: 7.5, lora_dropout: 0.125, target_modules: [q_proj, v_proj], use_rslora: true }
quantization: nf4
training: { adam_beta1: 0.8, adam_beta2: 0.95, adam_epsilon: 1.0e-6, weight_decay: 0.01 }
compute: { engine: tfjs, device: webgpu, dtype: bfloat16, gradient_checkpointing: true, threads: 3 }
cluster: { all_reduce_dtype: bfloat16, reconnect_timeout: 12.5, proxy: environment }
`,
  "run.yaml",
);

/** What is left of it once it has gone over the wire. */
function sent(runConfig: RunConfigMessage): RunConfigOutput {
  const { responseSerialize, responseDeserialize } = coordinatorService.Attend;
  return responseDeserialize(responseSerialize({ welcome: { runConfig } })).welcome!.runConfig!;
}

/** Dotted keys of values. */
function leaves(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? leaves(inner, `${prefix}${key}.`)
      : [prefix + key],
  );
}

/** The same keys' values of a whole run. */
const valuesOf = (config: RunConfig, keys: readonly string[]): unknown[] =>
  keys.map((key) =>
    key.split(".").reduce<unknown>((section, name) => (section as Record<string, unknown>)[name], config),
  );

describe("the settings sent to a worker", () => {
  it("are those of the run file, whatever their values", () => {
    const received = readRunConfig(sent(runConfigMessage(unusual)));
    const keys = leaves(received);
    expect(valuesOf(received as unknown as RunConfig, keys)).toEqual(valuesOf(unusual, keys));
    const minimal = parseRun("model: m\noutput_dir: o\ndata: { train: t }\ncompute: { threads: 1 }\n", "run.yaml");
    const usual = readRunConfig(sent(runConfigMessage(minimal)));
    expect(leaves(usual)).toEqual(keys);
    expect(valuesOf(usual as unknown as RunConfig, keys)).toEqual(valuesOf(minimal, keys));
    const differing = keys.filter((_, at) => valuesOf(minimal, keys)[at] !== valuesOf(unusual, keys)[at]);
    expect(differing).toEqual(keys);
  });

  it("include every key of the run file except those listed as not for workers", () => {
    const forWorkers = leaves(readRunConfig(sent(runConfigMessage(unusual))));
    const isListed = (key: string): boolean =>
      notForWorkers.some((listed) => key === listed || key.startsWith(`${listed}.`));
    const isSection = (key: string): boolean => allKeys().some((other) => other.startsWith(`${key}.`));
    const keys = allKeys().filter((key) => !isListed(key) && (!isSection(key) || forWorkers.includes(key)));
    expect(keys.sort()).toEqual([...forWorkers].sort());
    expect(notForWorkers.filter((key) => !allKeys().includes(key))).toEqual([]);
    expect(z.toJSONSchema(workerSchema, { io: "input" }).additionalProperties).toBe(false);
  });

  it("are refused if a section is missing or a value would be invalid in a run file", () => {
    const whole = runConfigMessage(unusual);
    const wrong: RunConfigMessage[] = [
      {},
      { ...whole, model: "" },
      ...(["lora", "training", "compute", "cluster"] as const).map((section) => ({ ...whole, [section]: null })),
      { ...whole, quantization: "QUANTIZATION_UNSPECIFIED" },
      { ...whole, lora: { ...whole.lora, r: 0 } },
      { ...whole, lora: { ...whole.lora, loraDropout: 1 } },
      { ...whole, training: { ...whole.training, adamBeta2: Number.NaN } },
      { ...whole, compute: { ...whole.compute, threads: 0 } },
      { ...whole, compute: { ...whole.compute, engine: "ENGINE_UNSPECIFIED" } },
      { ...whole, compute: { ...whole.compute, device: 99 as 1 } },
      { ...whole, cluster: { ...whole.cluster, allReduceDtype: "FLOAT_TYPE_FLOAT16" } },
      { ...whole, cluster: { ...whole.cluster, allReduceDtype: "FLOAT_TYPE_UNSPECIFIED" } },
      { ...whole, cluster: { ...whole.cluster, proxy: 0 } },
      { ...whole, cluster: { ...whole.cluster, reconnectTimeout: Infinity } },
    ];
    for (const message of wrong) expect(() => readRunConfig(sent(message))).toThrow(/run settings cannot be read/);
    expect(() => readRunConfig(null)).toThrow(/run settings cannot be read: [^\n]*received null$/);
  });

  it("are refused with a message of one line that names every wrong value", () => {
    const whole = runConfigMessage(unusual);
    const wrong = { ...whole, lora: { ...whole.lora, r: 0 }, compute: { ...whole.compute, threads: 0 } };
    expect(() => readRunConfig(sent(wrong))).toThrow(/cannot be read: lora\.r: [^\n]+; compute\.threads: [^\n]+$/);
  });

  it("are sent only with a resolved number of threads", () => {
    expect(() => runConfigMessage({ ...unusual, compute: { ...unusual.compute, threads: "auto" } })).toThrow(/threads/);
  });
});

it.each([engineWords, deviceWords, floatWords, quantizationWords, proxyWords, taskWords])(
  "an enum's words survive a round trip",
  (words: {
    words: readonly string[];
    valueOf(word: string): string;
    find(value: string | number): string | undefined;
  }) => {
    for (const word of words.words) expect(words.find(words.valueOf(word))).toBe(word);
    for (const other of [0, 99, "", "onnx", "X_UNSPECIFIED"]) expect(words.find(other)).toBeUndefined();
  },
);
