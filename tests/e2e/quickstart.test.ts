/** The quickstart with three steps and a dozen questions. `.ci/run` runs the whole of it. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { coxswain, projectFolder, temporaryFolder } from "../support/processes.js";
import { stepLines } from "../support/runs.js";

const run = promisify(execFile);
const questions = 12;

/** A copy of the example beside this build, so that a user's own quickstart output stays as it is. */
function copyOfExample(): string {
  const folder = temporaryFolder();
  const example = join(folder, "examples", "quickstart");
  mkdirSync(join(folder, "examples"));
  cpSync(join(projectFolder, "examples", "quickstart"), example, {
    recursive: true,
    filter: (source) => !source.includes(join("quickstart", "runs")),
  });
  symlinkSync(join(projectFolder, "dist"), join(folder, "dist"));
  const asked = join(example, "data", "eval.jsonl");
  writeFileSync(asked, readFileSync(asked, "utf8").split("\n").slice(0, questions).join("\n"));
  return folder;
}

const quickstart = (folder: string, steps: number): Promise<{ stdout: string }> =>
  run(process.execPath, ["examples/quickstart/quickstart.mjs", "--set", `training.max_steps=${steps}`], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
  });

describe("the quickstart", () => {
  let folder: string;
  let stdout: string;

  beforeAll(async () => {
    folder = copyOfExample();
    // Once more over its own output: it must not be refused.
    await quickstart(folder, 1);
    ({ stdout } = await quickstart(folder, 3));
  }, 180_000);

  it("trains with two workers", () => {
    const output = join(folder, "examples", "quickstart", "runs", "quickstart");
    expect(stepLines(output).at(-1)).toMatchObject({ step: 3, workers: 2 });
    expect(stdout).toMatch(/^adapter +examples\/quickstart\/runs\/quickstart\/adapter\b/m);
  });

  it("prints scores before and after, and answers side by side", () => {
    expect(stdout).toMatch(/^exact match +\d+\.\d % +\d+\.\d %$/m);
    const [, before, after] = /^loss +(\S+) +(\S+)$/m.exec(stdout)!.map(Number);
    expect(after).toBeLessThan(before!);
    const [line] = readFileSync(join(folder, "examples", "quickstart", "data", "eval.jsonl"), "utf8").split("\n");
    const { messages } = JSON.parse(line!) as { messages: { content: string }[] };
    expect(stdout).toContain(`  asked     ${messages[0]!.content}\n  before    `);
    expect(stdout).toContain(`on ${questions} requests`);
  });

  it("prints next commands that work", async () => {
    const next = stdout.slice(stdout.indexOf("What to try next"));
    const commands = next.split("\n").flatMap((line) => /^coxswain (\w+ .*?)(?: {2,}.*)?$/.exec(line)?.[1] ?? []);
    expect(commands.map((line) => line.split(" ")[0])).toEqual(["generate", "preview", "merge"]);
    for (const line of commands) {
      const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
      const { code, stdout: printed, stderr } = await coxswain(args, { cwd: folder });
      // The model is stored in 16 bits: what a merge into them costs is said.
      expect(stderr, line).toMatch(line.startsWith("merge") ? /^note: rounding to 16 bits costs .*\n$/ : /^$/);
      expect(code, line).toBe(0);
      expect(printed.trim(), line).not.toBe("");
    }
  });
});
