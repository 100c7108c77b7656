/** Real `coxswain` processes for end-to-end tests: started, watched for what they print, and ended with the test. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { stringify } from "yaml";

export const projectFolder = fileURLToPath(new URL("../../", import.meta.url));
/** The built program: `npm run build` comes before the tests. */
export const program = join(projectFolder, "dist", "cli", "main.js");

const folders: string[] = [];
const processes: CoxswainProcess[] = [];

// Whatever a test file left behind, also where a test failed.
afterAll(async () => {
  for (const started of processes) started.killAll();
  await Promise.all(processes.map(({ finished }) => finished));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

/** A folder that goes with the test file. */
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

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class CoxswainProcess {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = "";
  stderr = "";
  readonly #watchers = new Set<() => void>();
  #over: Finished | undefined;

  constructor(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
    this.child = spawn(process.execPath, [program, ...args], {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: "1", COXSWAIN_TOKEN: "", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that "everything" can be killed at once.
      detached: true,
    });
    this.child.stdout?.on("data", (data: Buffer) => this.#take(() => (this.stdout += data.toString())));
    this.child.stderr?.on("data", (data: Buffer) => this.#take(() => (this.stderr += data.toString())));
    this.finished = new Promise((resolve) => {
      this.child.on("close", (code, signal) => {
        this.#take(() => (this.#over = { code, signal, stdout: this.stdout, stderr: this.stderr }));
        if (this.#over !== undefined) resolve(this.#over);
      });
    });
    processes.push(this);
  }

  /** Resolves with the match as soon as what was printed (stdout, then stderr) matches; rejects when it ends without. */
  async until(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = pattern.exec(`${this.stdout}\n${this.stderr}`);
      if (match !== null) return match;
      if (this.#over !== undefined)
        throw new Error(`ended without ${String(pattern)}:\n${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** kill -9 of the process and of all that it started. */
  killAll(): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
  }

  #take(change: () => void): void {
    change();
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** Runs a command to its end. */
export function coxswain(
  args: readonly string[],
  options?: { cwd?: string; env?: Record<string, string> },
): Promise<Finished> {
  return new CoxswainProcess(args, options).finished;
}
