/** Without this, a data file in the place of a run file is answered with a list of YAML errors. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadRun } from "../../../src/config/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { temporaryFolder } from "../../support/processes.js";

async function refusalOf(name: string, content: string | Uint8Array): Promise<CoxswainError> {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  const error: unknown = await loadRun(file).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CoxswainError)) throw new Error(`${name} was not refused`);
  expect(error.code).toBe("config");
  expect(error.message).not.toContain("\n");
  return error;
}

const line = JSON.stringify({ messages: [{ role: "user", content: "a: b" }] });

describe("a file that is no run file is named for what it is", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["train.jsonl", `${line}\n${line}\n`, "a data file (JSONL)"],
    ["one.jsonl", line, "a data file (JSONL)"],
    ["train.jsonl.gz", Uint8Array.of(0x1f, 0x8b, 8, 0), "a data file (JSONL)"],
    ["data", `${line}\n${line}\n`, "a data file (JSONL)"],
    ["renamed.yaml", `{"prompt": "x", "completion": "y"}`, "a data file (JSON)"],
    ["list.json", `[{"text": "x"}]`, "a data file (a JSON list)"],
    ["t.csv", "prompt,completion\na,b\n", "a data file (a table)"],
    ["t.tsv", "prompt\tcompletion\na\tb\n", "a data file (a table)"],
    ["t.parquet", "PAR1\0\0", "a data file (Parquet)"],
    ["table", "PAR1\0\xff", "a data file (Parquet)"],
    ["model.safetensors", Uint8Array.of(1, 0, 0, 0, 0xff), "a file of weights"],
    ["config.json", `{"model_type": "llama"}`, "the configuration of a model"],
    ["adapter_config.json", `{"peft_type": "LORA"}`, "the configuration of an adapter"],
    ["metrics.jsonl", `{"step": 1, "loss": 2}\n`, "a record that a run has written"],
  ])("%s", async (name, content, what) => {
    const error = await refusalOf(name, content);
    expect(error.message).toContain(`${name}: is ${what}, not a run file`);
    expect(error.hint).toMatch(/^(A run file names|Give )/);
  });

  it("says how to write a run file for a data file", async () => {
    expect((await refusalOf("d.jsonl", line)).hint).toMatch(/`coxswain init --data \S+d\.jsonl` writes one\.$/);
  });
});

it("reads a run file in JSON, and lists the mistakes of one", async () => {
  const file = join(temporaryFolder(), "run.json");
  writeFileSync(file, JSON.stringify({ model: "./m", output_dir: "./o", data: { train: "d.jsonl" } }));
  expect((await loadRun(file)).config.model).toMatch(/m$/);
  const wrong = join(temporaryFolder(), "run.yaml");
  writeFileSync(wrong, "model: x\noutput_dir: y\ndata: {train: z}\nprompt: 1\n");
  await expect(loadRun(wrong)).rejects.toThrow(/prompt: unknown key/);
});
