/** `coxswain export` as a user runs it, against the files of llama.cpp's own converter. */
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { registerExport } from "../../../src/cli/export/command.js";
import { exportAdapter } from "../../../src/library/index.js";
import { golden, temporaryFolder } from "../model/helpers.js";
import { readGguf } from "../../support/gguf.js";
import { runCommandHere } from "../../support/in-process.js";

const cases = ["llama", "qwen2", "qwen3", "mistral-sliding", "phi3", "gemma2-packed", "gemma3", "gpt2-packed"] as const;

interface Reference {
  readonly metadata: Readonly<Record<string, string | number>>;
  readonly tensors: Readonly<Record<string, { type: string; shape: number[]; sha256: string }>>;
}

/** Of llama.cpp's converter, as gguf-py reads it (tests/peers/make-gguf.py); sizes fastest first, as in the file. */
const references = JSON.parse(readFileSync(golden("gguf.json"), "utf8")) as Readonly<Record<string, Reference>>;

async function exported(name: string, dtype: "float32" | "float16" | "bfloat16") {
  const output = join(temporaryFolder(), "adapter.gguf");
  const adapter = golden(`${name}/expected_adapter`);
  await exportAdapter({ adapter, model: golden(`${name}/model`), format: "gguf", output, dtype });
  return readGguf(output);
}

const coxswainExport = (...line: string[]) => runCommandHere(registerExport, "export", ...line);

afterEach(() => vi.restoreAllMocks());

describe.each(cases)("the GGUF adapter of %s", (name) => {
  it.each(["float32", "float16", "bfloat16"] as const)("equals that of llama.cpp's converter in %s", async (dtype) => {
    const reference = references[`${name} ${dtype}`];
    const { metadata, tensors } = await exported(name, dtype);
    delete metadata["general.name"];
    expect(metadata).toEqual(reference!.metadata);
    expect(tensors).toEqual(reference!.tensors);
  });
});

describe("coxswain export", () => {
  const flags = ["--format", "gguf", "--model", golden("llama/model")];

  it("takes a run's output folder and writes the file completely or not at all", async () => {
    const run = temporaryFolder();
    cpSync(golden("llama/expected_adapter"), join(run, "adapter"), { recursive: true });
    const folder = join(temporaryFolder(), "new");
    const { output } = await coxswainExport(run, ...flags, "--output", join(folder, "a.gguf"));
    expect(output).toMatch(/^wrote 42 tensors to .*a\.gguf \(0\.1 MB; architecture llama, alpha 16\)\n$/);
    expect(readdirSync(folder)).toEqual(["a.gguf"]);
  });

  it("keeps an existing file unless --force is given", async () => {
    const file = join(temporaryFolder(), "a.gguf");
    writeFileSync(file, "mine");
    const adapter = golden("llama/expected_adapter");
    const refused = await coxswainExport(adapter, ...flags, "--output", file);
    expect(refused.code).toBe(2);
    expect(refused.errors).toContain("already exists");
    expect(refused.errors).toContain("--force");
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect((await coxswainExport(adapter, ...flags, "--output", file, "--force")).code).toBeUndefined();
    expect(readGguf(file).metadata["general.type"]).toBe("adapter");
  });

  it("never replaces a folder", async () => {
    const folder = temporaryFolder();
    const adapter = golden("llama/expected_adapter");
    const { errors, code } = await coxswainExport(adapter, ...flags, "--output", folder, "--force");
    expect(code).toBe(2);
    expect(errors).toContain("is not a file");
  });

  it("names the alternatives to a format that does not exist", async () => {
    const adapter = golden("llama/expected_adapter");
    const { errors, code } = await coxswainExport(adapter, "--format", "onnx", "--output", "x");
    expect(code).toBe(2);
    expect(errors).toContain("--format onnx does not exist");
    expect(errors).toContain("coxswain merge");
  });

  it("says that a run has no adapter yet", async () => {
    const run = temporaryFolder();
    mkdirSync(join(run, "checkpoints"));
    writeFileSync(join(run, "events.jsonl"), "");
    const { errors, code } = await coxswainExport(run, ...flags, "--output", join(run, "a.gguf"));
    expect(code).toBe(2);
    expect(errors).toContain("has no adapter yet");
  });

  it.each([golden("llama/model"), "no-such-folder"])("says that %s is neither a run nor an adapter", async (path) => {
    const { errors, code } = await coxswainExport(path, ...flags, "--output", join(temporaryFolder(), "a.gguf"));
    expect(code).toBe(4);
    expect(errors).toContain(`${path} is neither a run nor an adapter folder`);
  });

  it("refuses an adapter of another model and leaves no file", async () => {
    const file = join(temporaryFolder(), "a.gguf");
    const adapter = golden("gpt2-packed/expected_adapter");
    const { errors, code } = await coxswainExport(adapter, ...flags, "--output", file);
    expect(code).toBe(4);
    expect(errors).toContain("which the model");
    expect(existsSync(file)).toBe(false);
  });

  it("refuses a value that float16 cannot hold and leaves no file", async () => {
    const adapter = temporaryFolder();
    const from = golden("llama/expected_adapter");
    copyFileSync(join(from, "adapter_config.json"), join(adapter, "adapter_config.json"));
    const bytes = readFileSync(join(from, "adapter_model.safetensors"));
    bytes.writeFloatLE(1e6, bytes.length - 4);
    writeFileSync(join(adapter, "adapter_model.safetensors"), bytes);
    const folder = temporaryFolder();
    const file = join(folder, "a.gguf");
    const { errors, code } = await coxswainExport(adapter, ...flags, "--output", file, "--dtype", "float16");
    expect(code).toBe(4);
    expect(errors).toContain("float16 cannot hold");
    expect(readdirSync(folder)).toEqual([]);
  });
});
