/** Real limits of the machine: every command names the limit and what raises it, never an internal error. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { program, projectFolder, temporaryFolder } from "../support/processes.js";
import { quickstartModel } from "../support/runs.js";
import { WatchedProcess } from "../support/watched-process.js";
import type { Finished } from "../support/watched-process.js";

const run = join(projectFolder, "examples", "quickstart", "run.yaml");

/** What a shell does before it becomes `coxswain`. */
function after(setup: string, args: readonly string[], cwd = temporaryFolder()): Promise<Finished> {
  const line = `${setup} && exec "$0" "$@"`;
  const env = { ...process.env, NO_COLOR: "1", COXSWAIN_TOKEN: "" };
  const command = ["-c", line, process.execPath, program, ...args];
  return new WatchedProcess(spawn("bash", command, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })).finished;
}

const commands: readonly (readonly string[])[] = [
  ["train", run, "--set", "output_dir=out", "--set", "training.max_steps=1", "--set", "telemetry.http=null"],
  ["coordinator", run, "--set", "output_dir=out"],
  ["worker", "--coordinator", "127.0.0.1:1", "--reconnect-timeout", "1"],
  ["preview", run],
  ["eval", run],
  ["generate", "--model", quickstartModel, "--prompt", "hello"],
  ["merge", "--model", quickstartModel, "--adapter", "adapter", "--output", "merged"],
  ["doctor"],
  ["status"],
];

describe.each(commands.map((command) => [command[0]!, command] as const))("%s", (_, command) => {
  it("reports too many open files with `ulimit -n 25`", async () => {
    const { code, stderr } = await after("ulimit -n 25", command);
    expect(stderr).toBe(
      "error: too many files are open\n" +
        "hint: Raise the limit of open files (`ulimit -n 1024` or more) and start again.\n",
    );
    expect(code).toBe(7);
  });

  it("reports that the current folder no longer exists", async () => {
    const folder = mkdtempSync(join(temporaryFolder(), "gone-"));
    const { code, stderr } = await after(`rmdir "${folder}"`, command, folder);
    expect(stderr).toBe(
      "error: the current folder no longer exists\n" +
        "hint: It was removed or moved: change to a folder that exists.\n",
    );
    expect(code).toBe(2);
  });
});

it('reports "not enough memory" under `ulimit -v`', async () => {
  const { code, stderr } = await after("ulimit -v 1500000", commands[0]!);
  expect(stderr).toContain("error: not enough memory\n");
  expect(code).toBe(7);
});
