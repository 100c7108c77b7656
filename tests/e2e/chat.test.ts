/** `coxswain chat` as a user runs it: lines from a pipe, and in a pseudo-terminal. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { program, temporaryFolder } from "../support/processes.js";
import { goldenFolder, quickstartModel } from "../support/runs.js";
import { ShellProcess } from "../support/shell.js";
import { WatchedProcess } from "../support/watched-process.js";

const folder = temporaryFolder();
const question = "turn on the light in the kitchen";

// A finished run's output folder, as far as `chat` reads it.
beforeAll(() => {
  mkdirSync(join(folder, "run"));
  cpSync(join(goldenFolder, "chat", "expected_adapter"), join(folder, "run", "adapter"), { recursive: true });
});

const model = `--model '${quickstartModel}'`;
const piped = (input: string, options: string): ShellProcess =>
  new ShellProcess(`printf '%b' "$INPUT" | $COXSWAIN chat ${options}`, { cwd: folder, env: { INPUT: input } });

describe("coxswain chat with lines from a pipe", () => {
  it("answers each line with both models, and remembers the conversation of each", async () => {
    const { code, stdout, stderr } = await piped(`${question}\n/reset\n${question}\n`, `run ${model}`).finished;
    expect(stderr).toMatch(/^note: a new conversation\n$/m);
    expect(code).toBe(0);
    const answers = [...stdout.matchAll(/^(base|tuned): (.+)$/gm)].map(([line]) => line);
    expect(answers).toHaveLength(4);
    // At temperature 0 a new conversation gives the same answers again.
    expect(answers.slice(2)).toEqual(answers.slice(0, 2));
  });

  it("gives the answer that generate gives", async () => {
    const generated = await new ShellProcess(
      `$COXSWAIN generate ${model} --adapter run/adapter --prompt '${question}'`,
      { cwd: folder },
    ).finished;
    const { stdout } = await piped(`${question}\n`, `run ${model} --tuned-only`).finished;
    expect(stdout).toBe(generated.stdout);
  });

  it("answers a last line without a line break, and one model alone", async () => {
    const { code, stdout } = await piped("hello", `'${quickstartModel}' --max-new-tokens 5`).finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^.+\n$/);
    expect(stdout).not.toContain("base:");
  });

  it("ends without an answer for an empty input", async () => {
    const { code, stdout } = await piped("", `run ${model}`).finished;
    expect([code, stdout]).toEqual([0, ""]);
  });

  it("continues after a mistake and leaves with /exit", async () => {
    const input = `/nope\n/temperature hot\n/system Be brief.\n/exit\n${question}\n`;
    const { code, stdout, stderr } = await piped(input, `run ${model}`).finished;
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toContain("there is no command /nope");
    expect(stderr).toContain("/temperature takes a number");
  });

  it("says that a conversation is longer than the model's context, once for both, and continues", async () => {
    const long = "kitchen ".repeat(2000);
    const { code, stdout, stderr } = await piped(`${long}\n${question}\n`, `run ${model}`).finished;
    expect(stderr.match(/the conversation has \d+ tokens, but the model has \d+ positions/g)).toHaveLength(1);
    expect(stderr).toContain("/reset");
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^tuned: ./);
    expect(code).toBe(2);
  });

  it("says what a template refuses, and keeps the session", async () => {
    const template =
      "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}{{ messages[-1].content }}";
    const input = `/system Be brief.\n${question}\n/system\n${question}\n`;
    const { stdout, stderr } = await piped(input, `run ${model} --chat-template "${template}" --max-new-tokens 3`)
      .finished;
    expect(stderr.match(/no system role/g)).toHaveLength(1);
    expect(stdout.match(/^(base|tuned): .+$/gm)).toHaveLength(2);
  });

  it.each([
    ["--base-only and --tuned-only", `run ${model} --base-only --tuned-only`, "can't be given together"],
    ["--tuned-only for a model", `'${quickstartModel}' --tuned-only`, "is not a run or an adapter"],
    ["a temperature below 0", `run ${model} --temperature -1`, "temperature is -1"],
    ["--model with a model", `'${quickstartModel}' ${model}`, "is not a run or an adapter"],
  ])("refuses %s", async (_, options, message) => {
    const { code, stderr } = await piped("hello\n", options).finished;
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe("coxswain chat in a terminal", () => {
  /** `script` runs a command in a pseudo-terminal; what it reads is what is typed. */
  class Terminal extends WatchedProcess {
    constructor(columns: number, options = `run ${model}`) {
      const command = `stty cols ${columns} rows 30; ${process.execPath} ${program} chat ${options}`;
      const env = { ...process.env, TERM: "xterm", LC_ALL: "C.UTF-8", NO_COLOR: "1" };
      super(spawn("script", ["-qec", command, "/dev/null"], { cwd: folder, env, stdio: "pipe" }));
    }

    /** @param prompts number of prompts that must have been shown */
    async type(text: string, prompts: number): Promise<void> {
      await this.until(new RegExp(`(?:\\u001b\\[0J> [^]*){${prompts}}`));
      this.child.stdin?.write(text);
    }
  }

  it("shows both answers in columns where it is wide, and leaves on Ctrl-D", async () => {
    const terminal = new Terminal(160);
    await terminal.type(`${question}\r`, 1);
    await terminal.type("\u0004", 2);
    const { code, stdout } = await terminal.finished;
    expect(stdout).toMatch(/base +│ tuned/);
    expect(stdout).toMatch(/\S +│ \S/);
    expect(code).toBe(0);
  });

  it("shows one answer after the other where it is narrow", async () => {
    const terminal = new Terminal(80);
    await terminal.type(`${question}\r`, 1);
    await terminal.type("/exit\r", 2);
    const { code, stdout } = await terminal.finished;
    expect(stdout).toMatch(/^base: .+\r\ntuned: .+\r$/m);
    expect(code).toBe(0);
  });

  it("clears a line that is being written on Ctrl-C, and leaves on Ctrl-C at an empty prompt", async () => {
    const terminal = new Terminal(80);
    await terminal.type("half a line\u0003", 1);
    await terminal.type("\u0003", 2);
    const { code, stdout } = await terminal.finished;
    expect(stdout).not.toContain("base: ");
    expect(code).toBe(0);
  });

  it("stops an answer on Ctrl-C and keeps the session", async () => {
    // A template without an end of turn, and a temperature that makes answers long.
    const terminal = new Terminal(80, `'${quickstartModel}' --temperature 5 --max-new-tokens 100000`);
    await terminal.type(`${question}\r`, 1);
    await terminal.until(/kitchen\r+\n\S/);
    terminal.child.stdin?.write("\u0003");
    await terminal.until(/note: (?:stopped|cut off)/);
    await terminal.type("/exit\r", 2);
    expect((await terminal.finished).code).toBe(0);
  });
});
