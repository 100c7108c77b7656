import { describe, expect, it } from "vitest";
import { runSchema, type RunConfig } from "../../../../src/config/index.js";
import { changedSettings, keptSettings, otherRun } from "../../../../src/coordinator/prepare/changed-settings.js";
import { configDigest, decidingSettings } from "../../../../src/coordinator/prepare/config-digest.js";

const base = { model: "m", output_dir: "o", data: { train: "t", eval: "e" } };
const runOf = (patch: object): RunConfig => runSchema.parse({ ...base, ...patch });
const before = runOf({});

/** One other value for every key of the run file that takes a simple one. */
const patches: readonly object[] = [
  { model: "other" },
  { output_dir: "other" },
  { seed: 1 },
  { workers: 3 },
  { quantization: "nf4" },
  ...[{ train: "u" }, { eval: "f" }, { format: "text" }, { max_length: 9 }, { packing: true }, { shuffle: false }].map(
    (data) => ({ data: { ...base.data, ...data } }),
  ),
  ...[{ assistant_only_loss: false }, { completion_only_loss: false }, { chat_template: "{{ x }}" }].map((data) => ({
    data: { ...base.data, ...data },
  })),
  ...[{ r: 8 }, { lora_alpha: 1 }, { lora_dropout: 0.5 }, { target_modules: ["q"] }, { use_rslora: true }].map(
    (lora) => ({ lora }),
  ),
  { lora: { init_adapter: "a" } },
  ...Object.entries({
    global_batch_size: 64,
    micro_batch_size: 2,
    num_train_epochs: 1,
    max_steps: 5,
    learning_rate: 1,
    lr_scheduler_type: "linear",
    lr_scheduler_kwargs: { power: 2 },
    warmup_ratio: 0.5,
    warmup_steps: 1,
    weight_decay: 1,
    adam_beta1: 0.5,
    adam_beta2: 0.5,
    adam_epsilon: 1,
    max_grad_norm: 2,
    logging_steps: 2,
    eval_steps: 2,
    save_steps: 2,
    save_total_limit: 2,
  }).map(([key, value]) => ({ training: { [key]: value } })),
  ...[
    { engine: "tfjs" },
    { device: "cpu" },
    { dtype: "float32" },
    { gradient_checkpointing: true },
    { threads: 3 },
  ].map((compute) => ({ compute })),
  { cluster: { all_reduce_dtype: "bfloat16" } },
  { cluster: { all_reduce: "mesh", min_workers: 2, heartbeat_timeout: 2, listen: "h:1", token: "t" } },
  { telemetry: { http: null } },
];

describe("a run that resumes", () => {
  it("has a name for every setting in its checkpoint's digest", () => {
    for (const patch of patches) {
      const now = runOf(patch);
      const changed = changedSettings(decidingSettings(before), decidingSettings(now)).map(({ key }) => key);
      expect([patch, changed.length > 0]).toEqual([patch, configDigest(now) !== configDigest(before)]);
    }
  });

  it("reports only the changed settings, with old and new values", () => {
    const now = runOf({ seed: 7, model: "other", lora: { target_modules: ["q_proj"] } });
    const say = (part: "settings" | "data" | "model") =>
      otherRun("out/step-1", part, keptSettings(before), keptSettings(now)).message;
    expect(say("settings")).toBe(
      'out/step-1 was made with other values:\n  seed: 42 then, 7 now\n  lora.target_modules: "all-linear" then, ["q_proj"] now',
    );
    expect(say("model")).toBe('out/step-1 was made with other values: model: "m" then, "other" now');
    expect(say("data")).toMatch(
      /the training data has changed: the files of data\.train, or the model's tokenizer or chat template$/,
    );
  });

  it("names what has changed within a source of the data", () => {
    const run = (weight: number, eval_: unknown) =>
      runOf({ data: { train: ["a.jsonl", { path: "b.jsonl", weight }], eval: eval_ } });
    const say = (then: RunConfig, now: RunConfig) =>
      otherRun("out/step-1", "data", keptSettings(then), keptSettings(now)).message;
    expect(say(run(2, null), run(0.5, "e.jsonl"))).toMatch(/: data\.train\.1\.weight: 2 then, 0\.5 now$/);
    expect(say(run(2, "e.jsonl"), run(2, 0.05))).toMatch(/: data\.eval: null then, 0\.05 now$/);
  });

  it("reports the change as far as possible if an older checkpoint names no settings", () => {
    const error = otherRun("out/step-1", "settings", undefined, keptSettings(before));
    expect(error.message).toMatch(/the checkpoint of an older release does not record which/);
    expect(error.hint).toMatch(/^Undo the change .* These may change freely: workers/);
  });

  it("does not report a key as changed if an older release did not have it", () => {
    expect(changedSettings({ seed: 42 }, keptSettings(before))).toEqual([]);
  });
});
