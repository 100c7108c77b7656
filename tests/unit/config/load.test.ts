/** These tests protect: a typing mistake in the run file is found in seconds, with its line and its cure. */
import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CoxswainError } from "../../../src/errors.js";
import { loadRun, parseRun, serializeRun, type Override } from "../../../src/config/index.js";
import { temporaryFolder } from "../model/helpers.js";

const minimal = "model: m\noutput_dir: out\ndata:\n  train: train.jsonl\n";

/** The error of a run file, which must be one. */
function errorOf(
  text: string,
  overrides: readonly Override[] = [],
  environment: Record<string, string> = {},
): CoxswainError {
  try {
    parseRun(text, "run.yaml", overrides, environment);
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("the run file was accepted");
}

describe("a valid run file", () => {
  it("gets every default of the documented run file", () => {
    const config = parseRun(minimal, "run.yaml");
    expect(config.seed).toBe(42);
    expect(config.data.max_length).toBe(1024);
    expect(config.lora).toMatchObject({ r: 16, lora_alpha: 32, lora_dropout: 0, target_modules: "all-linear" });
    expect(config.training).toMatchObject({ learning_rate: 2e-4, lr_scheduler_type: "cosine", adam_epsilon: 1e-8 });
    expect(config.cluster.listen).toBe("127.0.0.1:7070");
    expect(config.telemetry.http).toBe("127.0.0.1:9464");
  });

  it.each([
    ["1e-4", 1e-4],
    ["2.0e-4", 2e-4],
    ['"1e-4"', 1e-4],
    ["'2.0E-4'", 2e-4],
    [".5", 0.5],
    ["1", 1],
  ])("reads the learning rate %s as a number", (text, value) => {
    const config = parseRun(`${minimal}training:\n  learning_rate: ${text}\n`, "run.yaml");
    expect(config.training.learning_rate).toBe(value);
  });

  it("uses defaults for a section whose keys are all commented out", () => {
    const config = parseRun(`${minimal}training:\n  # learning_rate: 1\nlora:\n`, "run.yaml");
    expect(config.training.learning_rate).toBe(2e-4);
    expect(config.lora.r).toBe(16);
  });

  it("keeps a schedule's options, whatever their names", () => {
    const config = parseRun(`${minimal}training: { lr_scheduler_kwargs: { min_lr: 1e-5, kind: "x" } }`, "run.yaml");
    expect(config.training.lr_scheduler_kwargs).toEqual({ min_lr: 1e-5, kind: "x" });
  });

  it("keeps variables of the chat template: any value, and texts of several lines", () => {
    const kwargs = { enable_thinking: false, reasoning_effort: "high", builtin_tools: ["browser"], identity: "a\nb" };
    const config = parseRun(
      JSON.stringify({ model: "m", output_dir: "o", data: { train: "t", chat_template_kwargs: kwargs } }),
      "run.yaml",
    );
    expect(config.data.chat_template_kwargs).toEqual(kwargs);
  });
});

describe("an unknown key", () => {
  it.each([
    [
      "training:\n  lerning_rate: 1\n",
      'run.yaml:6: training.lerning_rate: unknown key (did you mean "learning_rate"?)',
    ],
    ["learning_rate: 1\n", "run.yaml:5: learning_rate: unknown key (did you mean training.learning_rate?)"],
    ["training:\n  lr: 1\n", 'run.yaml:6: training.lr: unknown key (did you mean "learning_rate"?)'],
    ["lora:\n  rank: 8\n", 'run.yaml:6: lora.rank: unknown key (did you mean "r"?)'],
    [
      "lora:\n  learning_rate: 8\n",
      "run.yaml:6: lora.learning_rate: unknown key (did you mean training.learning_rate?)",
    ],
    ["traning: {}\n", 'run.yaml:5: traning: unknown key (did you mean "training"?)'],
    ["Seed: 1\n", 'run.yaml:5: Seed: unknown key (did you mean "seed"?)'],
    ["base_model: x\n", 'run.yaml:5: base_model: unknown key (did you mean "model"?)'],
    ["output-dir: x\n", 'run.yaml:5: output-dir: unknown key (did you mean "output_dir"?)'],
    ["xyzzy: 1\n", "run.yaml:5: xyzzy: unknown key"],
    [
      "cluster:\n  tls:\n    cert: a\n    key: b\n    crt: c\n",
      'run.yaml:9: cluster.tls.crt: unknown key (did you mean "cert"?)',
    ],
  ])("%j is named with its line and the nearest key", (text, message) => {
    expect(errorOf(minimal + text).message).toBe(message);
  });
});

describe("settings of the best evaluation that have no effect are refused", () => {
  const evaluated = "model: m\noutput_dir: o\ndata: { train: t, eval: e }\ntraining:\n";
  it.each([
    [
      "model: m\noutput_dir: o\ndata: { train: t }\ntraining:\n  metric_for_best_model: eval_loss\n",
      "run.yaml:5: training.metric_for_best_model: eval_loss is never measured: set data.eval, or omit metric_for_best_model",
    ],
    [
      `${evaluated}  eval_steps: 5\n  load_best_model_at_end: true\n`,
      "run.yaml:6: training.load_best_model_at_end: no metric is compared: set training.metric_for_best_model (eval_loss or exact_match)",
    ],
    [
      `${evaluated}  metric_for_best_model: eval_loss\n  early_stopping_patience: 2\n`,
      "run.yaml:6: training.early_stopping_patience: has no effect: only the last step is evaluated. Set training.eval_steps",
    ],
    [
      `${evaluated}  metric_for_best_model: eval_loss\n  early_stopping_threshold: 0.1\n`,
      "run.yaml:6: training.early_stopping_threshold: has no effect without training.early_stopping_patience",
    ],
    [
      `${evaluated}  greater_is_better: false\n`,
      "run.yaml:5: training.greater_is_better: there is no such key, nor a need for it: a lower eval_loss and a higher exact_match are better. Omit it",
    ],
    [
      `${evaluated}  metric_for_best_model: accuracy\n`,
      'run.yaml:5: training.metric_for_best_model: expected one of "eval_loss", "exact_match", or null, not "accuracy"',
    ],
  ])("%j", (text, message) => {
    expect(errorOf(text).message).toBe(message);
  });
});

describe("a value of the wrong type or out of range", () => {
  it.each([
    ["seed: abc", 'run.yaml:5: seed: expected a whole number, not "abc"'],
    ["seed: 1.5", "run.yaml:5: seed: expected a whole number, not 1.5"],
    ["seed: -1", "run.yaml:5: seed: must be at least 0, not -1"],
    ["seed:", "run.yaml:5: seed: expected a whole number, not null (omit the key for its default, 42)"],
    ["workers: two", 'run.yaml:5: workers: expected a whole number, not "two"'],
    ["lora: { r: 0 }", "run.yaml:5: lora.r: must be more than 0, not 0"],
    ["lora: { lora_dropout: 1 }", "run.yaml:5: lora.lora_dropout: must be less than 1, not 1"],
    ["lora: { lora_alpha: .inf }", "run.yaml:5: lora.lora_alpha: expected a finite number, not Infinity"],
    ["lora: { use_rslora: yes }", 'run.yaml:5: lora.use_rslora: expected true or false, not "yes" (write true)'],
    [
      "lora: { target_modules: q_proj }",
      'run.yaml:5: lora.target_modules: expected "all-linear" or a list of texts, not "q_proj" (write [q_proj])',
    ],
    [
      "lora: { target_modules: 'q_proj, lm_head' }",
      'run.yaml:5: lora.target_modules: expected "all-linear" or a list of texts, not "q_proj, lm_head" (write [q_proj, lm_head])',
    ],
    [
      "lora: { target_modules: all_linear }",
      'run.yaml:5: lora.target_modules: expected "all-linear" or a list of texts, not "all_linear" (did you mean "all-linear"?)',
    ],
    ["lora: { target_modules: [] }", "run.yaml:5: lora.target_modules: must not be an empty list"],
    ["lora: { target_modules: [q_proj, ''] }", "run.yaml:5: lora.target_modules.1: must not be empty"],
    ["training: 3", "run.yaml:5: training: expected a section of keys, not 3"],
    [
      "compute: { device: gpu }",
      'run.yaml:5: compute.device: expected one of "auto", "cpu", "cuda", "webgpu", not "gpu" (did you mean "cuda"?)',
    ],
    ["training: { warmup_ratio: 5 }", "run.yaml:5: training.warmup_ratio: must be at most 1, not 5"],
    ["cluster: { tls: { cert: a } }", "run.yaml:5: cluster.tls.key: required, but missing"],
  ])("%j is named with its line, the expected and the actual value", (text, message) => {
    expect(errorOf(`${minimal}${text}\n`).message).toBe(message);
  });

  it("text that YAML reads as a number gets the advice to quote it", () => {
    expect(errorOf("model: 135\noutput_dir: o\ndata: {train: t}").message).toBe(
      "run.yaml:1: model: expected text, not 135 (put it in quotes)",
    );
  });

  it("a missing required key is named with the line of its section", () => {
    expect(errorOf("model: m\noutput_dir: o\ndata:\n  shuffle: true\n").message).toBe(
      "run.yaml:3: data.train: required, but missing",
    );
    expect(errorOf("output_dir: o\ndata: {train: t}\n").message).toBe("run.yaml: model: required, but missing");
  });

  it("an element of a multi-line list is named with its own line", () => {
    expect(errorOf("model: m\noutput_dir: o\ndata:\n  train:\n    - a\n    - ''\n").message).toBe(
      "run.yaml:6: data.train.1: must not be empty",
    );
  });
});

describe("several problems", () => {
  it("are all reported in one error, in file order", () => {
    const text = [
      "model: m",
      "sed: 1",
      "output_dir: ''",
      "data:",
      "  train: t",
      "  train: u",
      "quantization: int3",
      "training:",
      "  micro_batch_size: 8",
      "  global_batch_size: 4",
      "  max_steps: many",
    ].join("\n");
    const error = errorOf(text, ["lora.r=none", "nothing"]);
    expect(error.message.split("\n")).toEqual([
      "run.yaml has 8 problems:",
      '  run.yaml:2: sed: unknown key (did you mean "seed"?)',
      "  run.yaml:3: output_dir: must not be empty",
      "  run.yaml:6: data.train: set twice (first on line 5)",
      '  run.yaml:7: quantization: expected "nf4", or null, not "int3"',
      "  run.yaml:9: training.micro_batch_size: 8 rows per shard exceed the 4 rows of a step (training.global_batch_size)",
      '  run.yaml:11: training.max_steps: expected a whole number, or null, not "many"',
      "  --set nothing: expected key=value, as in --set training.learning_rate=1e-4",
      '  --set lora.r: expected a whole number, not "none"',
    ]);
    expect(error.code).toBe("config");
    expect(error.exitCode).toBe(2);
    expect(error.hint).toContain("docs/run-file.md");
  });

  it("contradictions are reported along with unknown keys", () => {
    const text = `${minimal}training:\n  micro_batch_size: 8\n  global_batch_size: 4\n  max_step: 1\n`;
    expect(errorOf(text).message.split("\n")).toEqual([
      "run.yaml has 2 problems:",
      "  run.yaml:6: training.micro_batch_size: 8 rows per shard exceed the 4 rows of a step (training.global_batch_size)",
      '  run.yaml:8: training.max_step: unknown key (did you mean "max_steps"?)',
    ]);
  });

  it("an invalid key causes no contradiction", () => {
    const text = `${minimal}training: { micro_batch_size: 64, global_batch_size: many }\n`;
    expect(errorOf(text).message).toBe('run.yaml:5: training.global_batch_size: expected a whole number, not "many"');
  });
});

describe("a file that is not a run", () => {
  it.each([
    ["", "run.yaml: the file is empty; `model`, `output_dir` and `data.train` are needed"],
    ["# nothing\n", "run.yaml: the file is empty; `model`, `output_dir` and `data.train` are needed"],
    ["- a\n", 'run.yaml: expected keys and values ("model: …"), not a list'],
    ["hello\n", 'run.yaml: expected keys and values ("model: …"), not plain text'],
    ["model: *other\n", 'run.yaml:1: no anchor "&other" precedes this alias'],
  ])("%j is rejected with the reason", (text, message) => {
    expect(errorOf(text).message).toBe(message);
  });

  it.each([
    ["model: m\ndata:\n\ttrain: t\n", /^run\.yaml:3: not valid YAML: tabs .* \(indent with spaces\)$/m],
    ["model: [a\noutput_dir: b\n", /^ *run\.yaml:\d: not valid YAML: /m],
    ["model: m\n---\nmodel: n\n", /^run\.yaml:\d: not valid YAML: .*\(one run per file\)$/m],
    ["model: !path m\n", /^run\.yaml:1: not valid YAML: unresolved tag: !path$/m],
  ])("invalid YAML (%j) is rejected with its line", (text, message) => {
    expect(errorOf(text).message).toMatch(message);
  });

  it("exponentially nested aliases do not exhaust memory", () => {
    const nine = (name: string): string => `[${Array(9).fill(name).join(", ")}]`;
    const levels = Array.from({ length: 12 }, (_, n) => `x${n}: &x${n} ${nine(n === 0 ? "a" : `*x${n - 1}`)}`);
    expect(errorOf(levels.join("\n")).message).toMatch(/^run\.yaml: cannot be read: excessive alias count/);
  });
});

describe("--set", () => {
  it.each<[string, (config: ReturnType<typeof parseRun>) => unknown, unknown]>([
    ["training.learning_rate=1e-4", (c) => c.training.learning_rate, 1e-4],
    ["data.train=[a.jsonl, b.jsonl]", (c) => c.data.train, ["a.jsonl", "b.jsonl"]],
    ["lora={r: 4, use_rslora: true}", (c) => [c.lora.r, c.lora.use_rslora, c.lora.lora_alpha], [4, true, 32]],
    ["telemetry.http=null", (c) => c.telemetry.http, null],
    ["data.chat_template_kwargs.enable_thinking=false", (c) => c.data.chat_template_kwargs, { enable_thinking: false }],
    ["training.lr_scheduler_kwargs.min_lr=1e-5", (c) => c.training.lr_scheduler_kwargs, { min_lr: 1e-5 }],
    ["cluster.token=a=b", (c) => c.cluster.token, "a=b"],
    ['output_dir="runs/a b"', (c) => c.output_dir, "runs/a b"],
  ])("%s sets the key", (setting, read, value) => {
    expect(read(parseRun(minimal, "run.yaml", [setting]))).toEqual(value);
  });

  it("the last of several wins, and overrides the file", () => {
    const config = parseRun(`${minimal}seed: 1\n`, "run.yaml", ["seed=2", { flag: "--seed", key: "seed", value: "3" }]);
    expect(config.seed).toBe(3);
  });

  it("provides a required key that the file lacks", () => {
    expect(parseRun("output_dir: o\ndata: {train: t}", "run.yaml", ["model=m"]).model).toBe("m");
  });

  it.each<[Override, string]>([
    ["training.lr=1", '--set training.lr: unknown key (did you mean "learning_rate"?)'],
    ["learning_rate=1", "--set learning_rate: unknown key (did you mean training.learning_rate?)"],
    ["training.learning_rate=fast", '--set training.learning_rate: expected a finite number, not "fast"'],
    ["lora={q: 1}", "--set lora: lora.q: unknown key"],
    ["model.x=1", "--set model.x: model is not a section and has no keys"],
    ["seed", "--set seed: expected key=value, as in --set training.learning_rate=1e-4"],
    ["=1", "--set : expected a dotted key, as in training.learning_rate"],
    ["seed=[1", "--set seed: the value is not a complete YAML value; quote it for the shell and for YAML: '\"…\"'"],
    ["cluster.tls.cert=a", "--set cluster.tls.cert: cluster.tls.key: required, but missing"],
    [{ flag: "--workers", key: "workers", value: "-1" }, "--workers: must be at least 0, not -1"],
    [
      { flag: "--listen", key: "cluster.listen", value: "here" },
      '--listen: "here" is not HOST:PORT. Write HOST:PORT, as in 127.0.0.1:7070, or [::1]:7070 for an IPv6 address.',
    ],
    ["__proto__.polluted=1", "--set __proto__.polluted: unknown key"],
  ])("%j names the flag", (setting, message) => {
    expect(errorOf(minimal, [setting]).message).toBe(message);
  });

  it("cannot reach the prototype of every object", () => {
    parseRun(minimal, "run.yaml", ["training.lr_scheduler_kwargs.__proto__=1"]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe("settings of conversations", () => {
  it.each([
    [
      "data.chat_template_kwargs.messages=1",
      '--set data.chat_template_kwargs.messages: "messages" is a reserved name.',
    ],
    [
      "data.chat_template_kwargs={eos_token: x}",
      '"eos_token" is a reserved name. Special tokens come from the tokenizer',
    ],
    ["data.turns=first", 'data.turns: expected one of "all", "last", not "first"'],
  ])("%s is refused", (setting, message) => {
    expect(errorOf(minimal, [setting]).message).toContain(message);
  });

  it("the last turn alone can't be supervised where every token is", () => {
    const { message } = errorOf(minimal, ["data.turns=last", "data.assistant_only_loss=false"]);
    expect(message).toContain("--set data.turns: `last` has no effect with assistant_only_loss: false");
  });
});

describe("an excessive number is rejected, with the limit and the reason", () => {
  it.each([
    ["workers=10000", "--set workers: must be at most 1024, not 10000: each is a process on this machine"],
    ["data.max_length=10000000", "--set data.max_length: must be at most 1048576, not 10000000: attention"],
    ["lora.lora_alpha=1e300", "--set lora.lora_alpha: must be at most 1000000, not 1e+300: the adapter's output"],
    [
      "training.global_batch_size=1e9",
      "--set training.global_batch_size: must be at most 1048576, not 1000000000: this is the number of rows",
    ],
    [
      "training.micro_batch_size=1e6",
      "--set training.micro_batch_size: must be at most 65536, not 1000000: a worker computes",
    ],
    [
      "training.num_train_epochs=1e9",
      "--set training.num_train_epochs: must be at most 100000, not 1000000000: each epoch",
    ],
    ["training.max_steps=1e12", "--set training.max_steps: must be at most 100000000, not 1000000000000: more steps"],
    ["compute.threads=100000", "--set compute.threads: must be at most 1024, not 100000: more threads per worker"],
    ["cluster.min_workers=1e6", "--set cluster.min_workers: must be at most 65536, not 1000000: the run waits"],
    [
      "cluster.heartbeat_timeout=0.01",
      "--set cluster.heartbeat_timeout: must be at least 1, not 0.01: the unit is seconds",
    ],
    ["seed=9007199254740993", "--set seed: must be at most 9007199254740991, not 9007199254740992"],
  ])("%s", (setting, message) => {
    const sets = setting.startsWith("training.micro") ? [setting, "training.global_batch_size=1e6"] : [setting];
    expect(errorOf(minimal, sets).message).toContain(message);
  });

  it("and a number at the limit is accepted", () => {
    const largest = ["workers=1024", "data.max_length=1048576", "training.max_steps=100000000", "compute.threads=1024"];
    expect(() => parseRun(minimal, "run.yaml", [...largest, "cluster.heartbeat_timeout=1"])).not.toThrow();
  });
});

describe("settings that the user chose", () => {
  const chosen = async (text: string, overrides: readonly Override[] = []): Promise<boolean[]> => {
    const path = join(temporaryFolder(), "run.yaml");
    await writeFile(path, text);
    const { isGiven } = await loadRun(path, overrides, { COXSWAIN_TOKEN: "a-secret-of-twenty-chars" });
    return [isGiven("cluster.listen"), isGiven("telemetry.http")];
  };

  it.each<[string, string, readonly Override[], boolean[]]>([
    ["none", minimal, [], [false, false]],
    [
      "in the file, even where it is the default",
      `${minimal}cluster: { listen: "127.0.0.1:7070" }\n`,
      [],
      [true, false],
    ],
    ["by --set", minimal, ["telemetry.http=127.0.0.1:9464"], [false, true]],
    ["by --set of the section", minimal, ["cluster={listen: 'h:1'}"], [true, false]],
    ["not by --set of a neighbour", minimal, ["cluster.min_workers=2"], [false, false]],
    ["by a flag", minimal, [{ flag: "--listen", key: "cluster.listen", value: "h:1" }], [true, false]],
    ["null", `${minimal}telemetry: { http: null }\n`, [], [false, true]],
  ])("%s", async (_, text, overrides, given) => {
    expect(await chosen(text, overrides)).toEqual(given);
  });

  it("exclude defaults written by Coxswain, and include other values", async () => {
    const resolved = serializeRun(parseRun(minimal, "run.yaml", ["telemetry.http=127.0.0.1:9465"]));
    expect(await chosen(resolved)).toEqual([false, true]);
  });
});

describe("the token", () => {
  const withToken = `${minimal}cluster: { token: from-file }\n`;

  it("comes from --set, otherwise the environment, otherwise the file", () => {
    const environment = { COXSWAIN_TOKEN: "from-environment" };
    const tokenOf = (overrides: readonly Override[], variables: Record<string, string>) =>
      parseRun(withToken, "run.yaml", overrides, variables).cluster.token;
    expect(tokenOf([], {})).toBe("from-file");
    expect(tokenOf([], environment)).toBe("from-environment");
    expect(tokenOf(["cluster.token=from-flag"], environment)).toBe("from-flag");
    expect(tokenOf([], { COXSWAIN_TOKEN: "" })).toBe("from-file");
  });

  it("comes from the environment even if only flags set the cluster section", () => {
    const tokenOf = (overrides: readonly Override[]) =>
      parseRun(minimal, "run.yaml", overrides, { COXSWAIN_TOKEN: "from-environment" }).cluster.token;
    const listen = { flag: "--listen", key: "cluster.listen", value: "0.0.0.0:7070" };
    expect(tokenOf([listen, "cluster.tls.cert=cert.pem", "cluster.tls.key=key.pem"])).toBe("from-environment");
    expect(tokenOf(["cluster={ token: from-flag }"])).toBe("from-flag");
    expect(tokenOf(["cluster={ min_workers: 2 }"])).toBeNull();
  });

  it("is rejected with a trailing line break, naming the variable but not the secret", () => {
    const error = errorOf(minimal, [], { COXSWAIN_TOKEN: "hunter2\n" });
    expect(error.message).toBe("COXSWAIN_TOKEN: the token contains a line break");
  });

  it("is never shown in an error", () => {
    const error = errorOf(`${minimal}cluster: { token: 4711 }\n`);
    expect(error.message).toBe("run.yaml:5: cluster.token: expected text, or null, not a number (put it in quotes)");
  });
});

describe("contradictions between keys", () => {
  it.each([
    [
      "telemetry: { nats: 'nats://h' }",
      'run.yaml:5: telemetry.nats: expected a section of keys, or null, not "nats://h"',
    ],
    [
      "training: { eval_steps: 5 }",
      "run.yaml:5: training.eval_steps: there is nothing to evaluate: set data.eval or training.sample_prompts, or omit eval_steps",
    ],
    ["telemetry: { http: 9464 }", "run.yaml:5: telemetry.http: expected text, or null, not 9464 (put it in quotes)"],
    [
      "telemetry: { http: '9464' }",
      'run.yaml:5: telemetry.http: "9464" is not HOST:PORT. Write HOST:PORT, as in 127.0.0.1:7070, or [::1]:7070 for an IPv6 address.',
    ],
  ])("%j is rejected", (text, message) => {
    expect(errorOf(`${minimal}${text}\n`).message).toBe(message);
  });

  it("allow both kinds of warm-up and of length, as in transformers", () => {
    const text = `${minimal}training: { warmup_steps: 3, warmup_ratio: 0.1, num_train_epochs: 2, max_steps: 9 }\n`;
    expect(parseRun(text, "run.yaml").training).toMatchObject({ warmup_steps: 3, warmup_ratio: 0.1, max_steps: 9 });
  });
});

describe("loadRun", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "coxswain-load-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = async (text: string): Promise<string> => {
    const path = join(folder, "run.yaml");
    await writeFile(path, text);
    return path;
  };

  it("resolves paths from the run file's folder, and keeps a hub id", async () => {
    await mkdir(join(folder, "local/model"), { recursive: true });
    const path = await write(
      [
        "model: owner/name",
        "output_dir: runs/a",
        "data: { train: [t.jsonl, /abs/t.jsonl], eval: ../e.jsonl, chat_template: chat.jinja }",
        "lora: { init_adapter: ~/adapter }",
        "cluster: { tls: { cert: c.pem, key: k.pem } }",
      ].join("\n"),
    );
    const { config, directory, path: loaded } = await loadRun(path, [], {});
    expect({ directory, loaded }).toEqual({ directory: folder, loaded: path });
    expect(config.model).toBe("owner/name");
    expect(config.output_dir).toBe(join(folder, "runs/a"));
    expect(config.data.train).toEqual([join(folder, "t.jsonl"), "/abs/t.jsonl"]);
    expect(config.data.eval).toBe(join(folder, "../e.jsonl"));
    expect(config.data.chat_template).toBe(join(folder, "chat.jinja"));
    expect(config.lora.init_adapter).toBe(join(homedir(), "adapter"));
    expect(config.cluster.tls).toEqual({ cert: join(folder, "c.pem"), key: join(folder, "k.pem"), ca: null });
  });

  it.each([
    ["local/model", true],
    ["./missing", true],
    ["../missing", true],
    ["a/b/c", true],
    ["missing/", true],
    ["gpt2", false],
    ["owner/name", false],
  ])("decides whether the model %s is a folder: %s", async (model, isFolder) => {
    await mkdir(join(folder, "local/model"), { recursive: true });
    const path = await write(`model: ${model}\noutput_dir: o\ndata: { train: t }\n`);
    const { config } = await loadRun(path, [], {});
    expect(config.model).toBe(isFolder ? resolve(folder, model) : model);
  });

  it("keeps the text of a chat template", async () => {
    const path = await write(`${minimal}  chat_template: "{% for m in messages %}{{ m.content }}{% endfor %}"\n`);
    const { config } = await loadRun(path, [], {});
    expect(config.data.chat_template).toBe("{% for m in messages %}{{ m.content }}{% endfor %}");
  });

  it("names a missing file, a folder, and a file that is not text", async () => {
    const missing = join(folder, "none.yaml");
    await expect(loadRun(missing)).rejects.toMatchObject({ code: "config", message: `${missing}: no such file` });
    await expect(loadRun(folder)).rejects.toMatchObject({
      code: "config",
      message: `${folder}: is a folder, not a run file`,
      hint: "Give the path of a run file, as in `coxswain train run.yaml`.",
    });
    await writeFile(join(folder, "resolved.yaml"), minimal);
    await expect(loadRun(`${folder}/`)).rejects.toMatchObject({
      hint: `Give the path of the file in it: ${folder}/resolved.yaml`,
    });
    await writeFile(join(folder, "run.yaml"), minimal);
    await expect(loadRun(folder)).rejects.toMatchObject({
      hint: `Give the path of the file in it: ${folder}/run.yaml`,
    });
    const binary = join(folder, "binary.yaml");
    await writeFile(binary, Uint8Array.of(0x6d, 0xff, 0xfe));
    await expect(loadRun(binary)).rejects.toMatchObject({ code: "config", message: `${binary}: is not UTF-8 text` });
    const loop = join(folder, "loop.yaml");
    await symlink(loop, loop);
    await expect(loadRun(loop)).rejects.toMatchObject({ code: "config", message: `${loop}: cannot be read (ELOOP)` });
  });
});
