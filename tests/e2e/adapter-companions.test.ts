/** The chat template and base model that an adapter was trained with, in generate, eval and merge: real processes. */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartData, quickstartModel, smallEvaluationSet } from "../support/runs.js";

const folder = temporaryFolder();
const template =
  "{{ tone }}{% for m in messages %}{% if m['role'] == 'user' %}### Ask: {{ m['content'] }}\n" +
  "{% else %}### Say:{{ m['content'] }}<|endoftext|>\n{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %}### Say:{% endif %}";
const chat = { chat_template: "ask.jinja", chat_template_kwargs: { tone: "calm" } };
const adapter = join(folder, "out", "adapter");
const checkpoint = join(folder, "out", "checkpoints", "step-000005");
const run = join(folder, "run.yaml");
const data = smallEvaluationSet(folder);
const env = { COXSWAIN_CACHE: join(folder, "cache") };

beforeAll(async () => {
  writeFileSync(join(folder, "ask.jinja"), template);
  writeRun(folder, {
    model: quickstartModel,
    output_dir: "out",
    workers: 1,
    data: { train: join(quickstartData, "train.jsonl"), eval: data, max_length: 256, ...chat },
    training: { max_steps: 10, global_batch_size: 8, micro_batch_size: 8, learning_rate: 3e-3, save_steps: 5 },
    compute: { threads: 1 },
    cluster: { listen: "127.0.0.1:0" },
    telemetry: { http: null },
  });
  const trained = await coxswain(["train", run], { env });
  expect(trained.stderr).not.toMatch(/^error/m);
  expect(trained.code).toBe(0);
  // What is printed names the adapter alone.
  expect(trained.stdout).toMatch(/generate --adapter \S+out\/adapter --prompt/);
});

interface Measured {
  readonly loss: number;
  readonly notes: string;
}

async function measured(...args: string[]): Promise<Measured> {
  const { code, stdout, stderr } = await coxswain(["eval", ...args, "--threads", "1", "--json"], { env });
  expect(stderr).not.toMatch(/^error/m);
  expect(code).toBe(0);
  return { loss: (JSON.parse(stdout) as { loss: number }).loss, notes: stderr };
}

describe("an adapter trained with its own chat template", () => {
  it("has the same loss with and without the run file, and names the source of the template", async () => {
    const withRun = await measured(run, "--adapter", adapter);
    const alone = await measured("--adapter", adapter, "--data", data);
    expect(alone.loss).toBe(withRun.loss);
    expect(alone.notes).toContain("chat template: the adapter's own, instead of the model's");
    expect(withRun.notes).toBe("");
    const base = await measured(
      "--adapter",
      adapter,
      "--data",
      data,
      "--chat-template",
      "{{ messages[0].content }}{% generation %}{{ messages[1].content }}{% endgeneration %}",
    );
    expect(base.loss).not.toBe(alone.loss);
    expect(base.notes).toContain("the adapter was trained with another one");
  });

  it("is asked with the variables of the template that it was trained with, unless others are given", async () => {
    const record = JSON.parse(readFileSync(join(adapter, "coxswain.json"), "utf8")) as Record<string, unknown>;
    expect(record["chat_template_kwargs"]).toEqual({ tone: "calm" });
    const promptOf = async (...args: string[]): Promise<readonly [tokens: number, notes: string]> => {
      const line = ["generate", "--adapter", adapter, "--prompt", "light", "--max-new-tokens", "1", "--json", ...args];
      const { stdout, stderr } = await coxswain(line, { env });
      return [(JSON.parse(stdout) as { prompt_tokens: number }).prompt_tokens, stderr];
    };
    const [tokens, notes] = await promptOf();
    expect(notes).toContain('chat template variables as the adapter was trained: {"tone":"calm"}');
    const [others, changed] = await promptOf("--chat-template-kwargs", '{"tone": "calm calm calm"}');
    expect(others).toBeGreaterThan(tokens);
    expect(changed).toContain('chat template variable "tone": "calm calm calm"; the adapter was trained with "calm"');
    const own = await measured("--adapter", adapter, "--data", data);
    const other = await measured("--adapter", adapter, "--data", data, "--chat-template-kwargs", '{"tone": null}');
    expect(other.loss).not.toBe(own.loss);
  });

  it("has the template in every checkpoint", async () => {
    expect(readFileSync(join(checkpoint, "chat_template.jinja"), "utf8")).toBe(template);
    const { notes } = await measured("--adapter", checkpoint, "--data", data);
    expect(notes).toContain("chat template: the adapter's own");
  });

  it("merges into a model that has the template and the adapter's loss", async () => {
    const output = join(folder, "merged");
    const { code, stderr } = await coxswain(["merge", "--adapter", adapter, "--output", output, "--dtype", "float32"], {
      env,
    });
    expect(code).toBe(0);
    expect(stderr).toContain("chat template: the adapter's own");
    expect(readFileSync(join(output, "chat_template.jinja"), "utf8")).toBe(template);
    expect(stderr).toContain('trained with the chat template variables {"tone":"calm"}');
    const variables = ["--chat-template-kwargs", '{"tone": "calm"}'];
    const merged = await measured("--model", output, "--data", data, ...variables);
    const alone = await measured("--adapter", adapter, "--data", data);
    expect(merged.loss).toBeCloseTo(alone.loss, 4);
  });

  it("passes the template to a run that starts from it", async () => {
    const next = writeRun(
      folder,
      {
        model: quickstartModel,
        output_dir: "next",
        data: { train: data, max_length: 256 },
        lora: { init_adapter: adapter },
      },
      "next.yaml",
    );
    const { stdout, stderr } = await coxswain(["preview", next, "-n", "1"], { env });
    expect(stderr).toContain("chat template: the adapter's own");
    expect(stdout).toContain("### Ask: ");
  });

  it("generates without --model", async () => {
    const { code, stdout, stderr } = await coxswain(
      [
        "generate",
        "--adapter",
        adapter,
        "--prompt",
        "dim the light",
        "--max-new-tokens",
        "3",
        "--threads",
        "1",
        "--json",
      ],
      { env },
    );
    expect(stderr).not.toMatch(/^error/m);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ prompt_tokens: expect.any(Number) as number });
  });
});

describe("an adapter on another model of the same shapes", () => {
  it("is used with a note that names both models and the file that differs", async () => {
    const other = join(folder, "other");
    cpSync(quickstartModel, other, { recursive: true });
    const weights = join(other, "model.safetensors");
    const bytes = readFileSync(weights);
    bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
    writeFileSync(weights, bytes);
    const says = new RegExp(
      `was trained on ${quickstartModel} .*but the model here is ${other} .*model.safetensors differs`,
    );
    const { notes } = await measured("--model", other, "--adapter", adapter, "--data", data);
    expect(notes).toMatch(says);
    const output = join(folder, "merged-other");
    const merged = await coxswain(["merge", "--model", other, "--adapter", adapter, "--output", output], { env });
    expect(merged.stderr).toMatch(says);
    expect(existsSync(output)).toBe(true);
  });
});
