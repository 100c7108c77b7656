/** `coxswain eval` and `coxswain generate` as a user runs them, with the real engine and the bundled model. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AskHost } from "../../../src/cli/generate/host.js";
import { generateAndPrint } from "../../../src/cli/generate/generate.js";
import { registerEval } from "../../../src/cli/eval/command.js";
import { evaluate, type EvalFlags } from "../../../src/cli/eval/evaluate.js";
import { registerGenerate } from "../../../src/cli/generate/command.js";
import type { GenerateFlags } from "../../../src/cli/generate/flags.js";
import { engineInThisThread, evalFile, inRepository, temporaryFile, temporaryFolder, tinyModel } from "./support.js";

const adapter = inRepository("tests/golden/chat/expected_adapter");

/** Options as the command line gives them. */
async function parse<Flags>(register: (program: Command) => void, line: readonly string[]): Promise<Flags> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  register(program);
  const [command] = program.commands;
  let flags: Flags | undefined;
  command!.action(() => {
    flags = command!.opts() as Flags;
  });
  await program.parseAsync([command!.name(), ...line], { from: "user" });
  return flags!;
}

function hostOf(written: string[], input = ""): AskHost {
  return {
    stdout: { write: (text: string) => written.push(text) },
    stdin: (async function* () {
      yield await Promise.resolve(Buffer.from(input));
    })(),
    openEngine: engineInThisThread,
  };
}

async function runEval(file: string | undefined, ...line: string[]): Promise<string> {
  const written: string[] = [];
  await evaluate(file, await parse<EvalFlags>(registerEval, line), hostOf(written));
  return written.join("");
}

/** What was written, piece by piece. */
async function runGenerate(line: readonly string[], input = ""): Promise<string[]> {
  const written: string[] = [];
  await generateAndPrint(
    await parse<GenerateFlags>(registerGenerate, ["--model", tinyModel, ...line]),
    hostOf(written, input),
  );
  return written;
}

const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
afterEach(() => stderr.mockClear());
const notes = (): string => stderr.mock.calls.map(([text]) => String(text)).join("");

/** A run file beside its finished adapter. */
async function runFolder(evalData: string | null): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "out"));
  await cp(adapter, join(folder, "out/adapter"), { recursive: true });
  const data = evalData === null ? "" : `  eval: ${JSON.stringify(evalData)}\n`;
  const text = `model: ${JSON.stringify(tinyModel)}\noutput_dir: out\ndata:\n  train: none.jsonl\n  packing: true\n${data}`;
  await writeFile(join(folder, "run.yaml"), text);
  return join(folder, "run.yaml");
}

describe("eval", () => {
  it("measures the base model on the run's data.eval, and mentions an existing adapter", async () => {
    const run = await runFolder(evalFile);
    const result = JSON.parse(await runEval(run, "--limit", "3", "--json")) as Record<string, unknown>;
    expect(result).toMatchObject({ model: tinyModel, adapter: null, examples: 3 });
    expect(result).not.toHaveProperty("exact_match");
    expect(notes()).toMatch(/measuring the base model; for the run's adapter add --adapter .*out\/adapter/);
  });

  it("lets options override the run file", async () => {
    const run = await runFolder(null);
    const data = await temporaryFile("few.jsonl", [{ prompt: "the sea", completion: " was calm" }]);
    const line = ["--data", data, "--adapter", adapter, "--max-length", "8", "--show", "1", "--json"];
    const result = JSON.parse(await runEval(run, ...line)) as Record<string, unknown>;
    expect(result).toMatchObject({ adapter, examples: 1, exact_match: 0, answers_total: 1 });
    expect(result["answers"]).toMatchObject([{ question: "the sea", expected: " was calm" }]);
    expect(notes()).toBe("");
  });

  it("gives PEFT's loss of the whole data set, without a run file", async () => {
    const text = await runEval(undefined, "--model", tinyModel, "--data", evalFile, "--threads", "2");
    // By torch: what examples/quickstart/scripts/verify_lora.py prints first.
    expect(text).toMatch(/^loss {9}5\.1894$/m);
    expect(text).toMatch(/^adapter {6}none \(base model\)$/m);
    expect(text).toMatch(/^examples {5}200$/m);
  });

  it.each([
    [undefined, [], "usage", /without a run file, --model or --adapter is needed/],
    [undefined, ["--model", "m"], "usage", /without a run file, --data is needed/],
    [undefined, ["--model", "m", "--data", "d", "--set", "seed=1"], "usage", /--set changes a run file's settings/],
    [undefined, ["--model", tinyModel, "--data", "nowhere.jsonl"], "data", /nowhere\.jsonl/],
    [undefined, ["--model", "./nowhere", "--data", evalFile], "model", /nowhere/],
    [
      undefined,
      ["--model", tinyModel, "--data", evalFile, "--adapter", "./none"],
      "model",
      /none: no such adapter folder/,
    ],
  ] as const)("rejects %s %j", async (file, line, code, message) => {
    const failed = runEval(file, ...line);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({ code });
  });

  it("requires data.eval or --data", async () => {
    await expect(runEval(await runFolder(null))).rejects.toMatchObject({ code: "config", message: /no data\.eval/ });
  });

  it("counts prompts that exceed the context, and names the first", async () => {
    const long = "word ".repeat(1100);
    const data = await temporaryFile("long.jsonl", [
      {
        messages: [
          { role: "user", content: "hi" },
          { role: "assistant", content: "hello" },
        ],
      },
      {
        messages: [
          { role: "user", content: long },
          { role: "assistant", content: "hello" },
        ],
      },
    ]);
    const line = [
      "--model",
      tinyModel,
      "--data",
      data,
      "--max-length",
      "2048",
      "--limit",
      "2",
      "--exact-match",
      "--json",
    ];
    expect(JSON.parse(await runEval(undefined, ...line))).toMatchObject({ answers_total: 2 });
    expect(notes()).toMatch(/1 of 2 prompts \(first: \S+long\.jsonl:2\) fill the model's 1024 positions/);
  });
});

describe("generate", () => {
  it("streams the answer, followed by a line break", async () => {
    const pieces = await runGenerate(["--prompt", "dance music in the garage"]);
    // By transformers: tests/golden/generation/greedy.json.
    expect(pieces.join("")).toBe("dance music\n");
    expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(3);
  });

  it("reads standard input, and continues a text", async () => {
    const text = "Upon the whole, the commerce of the United States";
    const pieces = await runGenerate(["--raw", "--max-new-tokens", "5"], `${text}\n`);
    expect(pieces.join("")).toBe(", and the United States\n");
    expect(notes()).toContain("cut off after 5 tokens (--max-new-tokens)");
  });

  it("prints one JSON object", async () => {
    const [line, ...rest] = await runGenerate(["--prompt", "dance music in the garage", "--json"]);
    expect(rest).toEqual([]);
    expect(JSON.parse(line!)).toMatchObject({
      text: "dance music",
      finish_reason: "stop",
      prompt_tokens: 19,
      completion_tokens: 5,
      tokens: [70, 531, 283, 389, 300],
    });
  });

  it("applies an adapter", async () => {
    const line = ["--prompt", "make sure the cellar door is unlocked."];
    expect((await runGenerate(line)).join("")).toBe("sure mean stock dark\n");
    expect((await runGenerate([...line, "--adapter", adapter])).join("")).toBe("sure mean stothed\n");
  });

  it("samples the same text with the same seed", async () => {
    const line = [
      "--raw",
      "--prompt",
      "And it came to pass",
      "--temperature",
      "1",
      "--top-p",
      "0.95",
      "--max-new-tokens",
      "12",
    ];
    const first = (await runGenerate([...line, "--seed", "5"])).join("");
    expect((await runGenerate([...line, "--seed", "5"])).join("")).toBe(first);
    expect((await runGenerate([...line, "--seed", "6"])).join("")).not.toBe(first);
  });

  it("rejects a prompt that leaves no room for an answer", async () => {
    const line = ["--prompt", "word ".repeat(1100)];
    await expect(runGenerate(line)).rejects.toThrow(/tokens, but the model has 1024 positions/);
  });

  it("rejects settings out of range before the model is loaded", async () => {
    await expect(runGenerate(["--prompt", "x", "--top-p", "0"])).rejects.toThrow(/top-p is 0/);
    await expect(runGenerate(["--prompt", "x", "--max-new-tokens", "0"])).rejects.toThrow(/whole number above 0/);
  });
});
