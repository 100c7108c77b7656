/** Real `coxswain` processes for end-to-end tests: started, watched for what they print, and ended with the test. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { stringify } from "yaml";
import { WatchedProcess } from "./watched-process.js";
import type { Finished } from "./watched-process.js";

export type { Finished } from "./watched-process.js";

export const projectFolder = fileURLToPath(new URL("../../", import.meta.url));
/** The built program: `npm run build` comes before the tests. */
export const program = join(projectFolder, "dist", "cli", "main.js");

const folders: string[] = [];
const processes: CoxswainProcess[] = [];

// Cleans up after a test file, even if a test failed.
afterAll(async () => {
  for (const started of processes) started.killAll();
  await Promise.all(processes.map(({ finished }) => finished));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

/** A folder that is deleted after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-test-"));
  folders.push(folder);
  return folder;
}

/** Writes a run file; paths in it are relative to `folder`. */
export function writeRun(folder: string, run: object, name = "run.yaml"): string {
  const path = join(folder, name);
  writeFileSync(path, stringify(run));
  return path;
}

export class CoxswainProcess extends WatchedProcess {
  constructor(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: "1", COXSWAIN_TOKEN: "", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      // A separate process group, so that everything can be killed together.
      detached: true,
    });
    super(child);
    processes.push(this);
  }

  /** kill -9 of the process and of all that it started. */
  killAll(): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, "SIGKILL");
    } catch {
      // It has already exited.
    }
  }
}

/** Runs a command until it exits. */
export function coxswain(
  args: readonly string[],
  options?: { cwd?: string; env?: Record<string, string> },
): Promise<Finished> {
  return new CoxswainProcess(args, options).finished;
}
