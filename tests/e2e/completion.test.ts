/** Tab completion in real shells. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.js";
import { coxswain, temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
mkdirSync(join(folder, "adapter folder"));
mkdirSync(join(folder, "empty"));
writeFileSync(join(folder, "my run.yaml"), "");

const has = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;

/** The script is there as a file. */
async function writeScript(shell: string): Promise<string> {
  const { stdout, code } = await coxswain(["completion", shell]);
  expect(code).toBe(0);
  const path = join(folder, `completion.${shell}`);
  writeFileSync(path, stdout);
  return path;
}

function run(shell: string, words: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(shell, words, { cwd: folder, encoding: "utf8", timeout: 60_000 });
  expect(status, stderr).toBe(0);
  return stdout;
}

const commands = createProgram()
  .createHelp()
  .visibleCommands(createProgram())
  .map((command) => command.name());

/** A line to complete, and what Tab offers, "…" for others besides. */
const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["coxswain ", [...commands, "…"]],
  ["coxswain tr", ["train"]],
  ["coxswain train --wor", ["--workers"]],
  ["coxswain worker --tls-", ["--tls-ca", "--tls-cert", "--tls-key"]],
  ["coxswain worker --device c", ["cpu", "cuda"]],
  ["coxswain merge --dtype ", ["auto", "bfloat16", "float16", "float32"]],
  ["coxswain generate --quantization n", ["nf4", "none"]],
  ["coxswain completion ", ["bash", "fish", "zsh"]],
  ["coxswain help st", ["status", "stop"]],
];

describe(`bash${has("bash") ? "" : " (skipped: no bash)"}`, () => {
  let script = "";
  beforeAll(async () => {
    script = await writeScript("bash");
  });

  /** What bash itself would offer, for the words as it takes them apart. */
  function offered(...words: readonly string[]): string[] {
    const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _coxswain 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", ["-c", program, "bash", script, ...words])
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  }

  it.skipIf(!has("bash")).each(cases)("completes `%s`", (line, expected) => {
    const found = offered(...line.split(" "));
    if (expected.includes("…")) expect(found).toEqual(expect.arrayContaining(expected.filter((word) => word !== "…")));
    else expect(found).toEqual(expected);
  });

  it.skipIf(!has("bash"))("completes folders for options that take a folder, also after =", () => {
    expect(offered("coxswain", "eval", "--adapter", "")).toEqual(["adapter folder", "empty"]);
    expect(offered("coxswain", "worker", "--device", "=", "c")).toEqual(["cpu", "cuda"]);
    expect(offered("coxswain", "merge", "--dtype", "=")).toEqual(["auto", "bfloat16", "float16", "float32"]);
  });

  it.skipIf(!has("bash"))("leaves file names to bash, which quotes them", () => {
    expect(offered("coxswain", "train", "")).toEqual([]);
    expect(run("bash", ["-c", `source "${script}"; complete -p coxswain`])).toContain("-o default");
  });
});

describe(`zsh${has("zsh") ? "" : " (skipped: no zsh)"}`, () => {
  let script = "";
  beforeAll(async () => {
    script = await writeScript("zsh");
  });

  /** The command line after Tab was pressed in an interactive zsh. */
  function completed(line: string): string {
    const driver = `
      zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z 'PS1=; PROMPT=; unsetopt prompt_cr prompt_sp; stty -echo columns 200; bindkey -e; autoload -U compinit; compinit -u -d ${folder}/dump; source ${script}'
      zpty -w z 'finish() { print -r -- "<$BUFFER>"; exit }; zle -N finish; bindkey "^X" finish; print ready:""go'
      zpty -r z out '*ready:go*'
      zpty -n -w z $'${line}\\t\\x18'
      zpty -r z out '*>*'
      print -r -- $out`;
    return /<([^>]*)>/.exec(run("zsh", ["-f", "-c", driver]))?.[1] ?? "";
  }

  it.skipIf(!has("zsh")).each([
    ["coxswain tr", "coxswain train "],
    ["coxswain train --wor", "coxswain train --workers="],
    ["coxswain worker --device=w", "coxswain worker --device=webgpu "],
    ["coxswain worker --device w", "coxswain worker --device webgpu "],
    ["coxswain merge --dtype bf", "coxswain merge --dtype bfloat16 "],
    ["coxswain completion z", "coxswain completion zsh "],
    ["coxswain train my", "coxswain train my\\ run.yaml "],
    ["coxswain eval --adapter ad", "coxswain eval --adapter adapter\\ folder/"],
    ["coxswain help mer", "coxswain help merge "],
  ])("completes `%s` to `%s`", (line, expected) => {
    expect(completed(line)).toBe(expected);
  });
});

describe(`fish${has("fish") ? "" : " (skipped: no fish)"}`, () => {
  let script = "";
  beforeAll(async () => {
    script = await writeScript("fish");
  });

  const offered = (line: string): string[] =>
    run("fish", ["--no-config", "-c", `source "${script}"; complete -C "${line}"`])
      .split("\n")
      .filter((each) => each !== "")
      .map((each) => each.split("\t", 1)[0] ?? "")
      .sort();

  it.skipIf(!has("fish")).each(cases)("completes `%s`", (line, expected) => {
    const found = offered(line);
    if (expected.includes("…")) expect(found).toEqual(expect.arrayContaining(expected.filter((word) => word !== "…")));
    else expect(found).toEqual(expected);
  });

  it.skipIf(!has("fish"))("completes files and folders for options that take them", () => {
    expect(offered("coxswain train my")).toEqual(["my run.yaml"]);
    expect(offered("coxswain eval --adapter ad")).toEqual(["adapter folder/"]);
  });
});
