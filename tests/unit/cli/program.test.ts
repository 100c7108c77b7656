/** What a user loses if these fail: help that answers, and a slip on the command line that is named with what was meant. */
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { createProgram, runProgram } from "../../../src/cli/program.js";
import { version } from "../../../src/version.js";

/** Runs a command line that is answered without a command; what it printed and its exit code. */
async function run(...words: string[]): Promise<{ out: string; error: string; code: number | undefined }> {
  const printed = { out: "", error: "" };
  const capture = (key: "out" | "error") => (text: string | Uint8Array) => {
    printed[key] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation(capture("out")),
    vi.spyOn(process.stderr, "write").mockImplementation(capture("error")),
  ];
  try {
    return { code: await runProgram(words), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe("coxswain", () => {
  it("--version prints only the version", async () => {
    expect(await run("--version")).toEqual({ out: `${version}\n`, error: "", code: 0 });
  });

  it("--help lists the commands by group, with examples, exit codes and variables", async () => {
    const { out, code } = await run("--help");
    expect(code).toBe(0);
    const text = stripVTControlCharacters(out);
    for (const part of [
      /^Train:\n {2}train <run> /m,
      /^Examples:\n {2}coxswain preview run\.yaml/m,
      /^Exit codes:$/m,
      /^ {2}COXSWAIN_TOKEN /m,
    ]) {
      expect(text).toMatch(part);
    }
    for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it("without a command prints the help as an error", async () => {
    const { out, error, code } = await run();
    expect(out).toBe("");
    expect(stripVTControlCharacters(error)).toMatch(/^Usage: coxswain /);
    expect(code).toBe(2);
  });

  it.each([
    [["trian", "run.yaml"], "unknown command 'trian'", "(Did you mean train?)"],
    [["train", "run.yaml", "--worker", "3"], "unknown option '--worker'", "(Did you mean --workers?)"],
    [["train"], "missing required argument 'run'", "(see --help)"],
    [["train", "run.yaml", "--set"], "option '--set <key=value>' argument missing", "(see --help)"],
    [["train", "a.yaml", "b.yaml"], "too many arguments for 'train'. Expected 1 argument but got 2.", "(see --help)"],
  ])("%j is refused with exit code 2, the reason and a hint", async (words, reason, cure) => {
    const { error, code } = await run(...words);
    const lines = stripVTControlCharacters(error).split("\n");
    expect(lines[0]).toBe(`error: ${reason}`);
    expect(lines).toContain(cure);
    expect(code).toBe(2);
  });

  it.each([
    [["train", "run.yaml", "--learning_rate", "3"], "--set training.learning_rate=3"],
    [["train", "run.yaml", "--learning-rate=1e-4"], "--set training.learning_rate=1e-4"],
    [["train", "run.yaml", "--lr", "3"], "--set training.learning_rate=3"],
    [["train", "run.yaml", "--training.save_steps=5"], "--set training.save_steps=5"],
    [["train", "run.yaml", "--training.save_step", "5"], "--set training.save_steps=5"],
    [["coordinator", "run.yaml", "--output_dir", "my runs"], "--set 'output_dir=my runs'"],
    [["train", "run.yaml", "--num_train_epochs"], "--set training.num_train_epochs=…"],
    [["preview", "run.yaml", "--packing", "--json"], "--set data.packing=…"],
    [["train", "--model_name_or_path", "gpt2", "run.yaml"], "--set model=gpt2"],
  ])("%j: says how a key of the run file is set", async (words, setting) => {
    const { error, code } = await run(...words);
    expect(stripVTControlCharacters(error).split("\n")).toContain(`hint: a key of the run file is set by ${setting}`);
    expect(code).toBe(2);
  });

  it.each([
    [["train", "run.yaml", "--nonsense", "3"]],
    [["train", "run.yaml", "--worker", "3"]],
    [["train", "run.yaml", "--token", "s3cret"]],
    [["merge", "--lr", "3"]],
  ])("%j: says nothing of keys where none is meant", async (words) => {
    const { error, code } = await run(...words);
    expect(error).not.toContain("--set");
    expect(code).toBe(2);
  });

  it("has summaries of commands in a uniform style", () => {
    const commands = createProgram().commands;
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const summary = command.summary() === "" ? command.description() : command.summary();
      expect(summary, command.name()).toMatch(/^[a-z].{10,}[^.]$/);
    }
  });

  it("answers --help without loading modules that only a command needs", () => {
    const packages = packagesLoadedBy(new URL("../../../src/cli/start.ts", import.meta.url));
    expect(packages).toContain("commander");
    const heavy = [
      /^onnx/,
      /^@grpc\//,
      /^@huggingface\//,
      /^@bufbuild\//,
      /^tokenizers$/,
      /^prom-client$/,
      /^pino$/,
      /^yaml$/,
    ];
    expect(packages.filter((name) => heavy.some((pattern) => pattern.test(name)))).toEqual([]);
  });
});

/** Packages that a module and all that it imports load at once: `import()` inside a function, and types, do not count. */
function packagesLoadedBy(entry: URL): string[] {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (module: URL): void => {
    if (seen.has(module.href)) return;
    seen.add(module.href);
    const source = readFileSync(module, "utf8");
    for (const [, names, from] of source.matchAll(/^(?:import|export)\s(?!type\s)([^;]*?from\s)?"([^"]+)";/gm)) {
      const onlyTypes = names !== undefined && /^\{(\s*type\s[^,}]+,?)+\s*\}/.test(names);
      if (onlyTypes || from === undefined || from.startsWith("node:")) continue;
      if (from.startsWith(".")) visit(new URL(from.replace(/\.js$/, ".ts"), module));
      else packages.add(from);
    }
  };
  visit(entry);
  return [...packages];
}
