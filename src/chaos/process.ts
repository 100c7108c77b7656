/** A process of this program, with its output in a file: can be stopped, continued and killed. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Guard } from "./guard.js";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The exit as text. */
export const howOf = ({ code, signal }: Exit): string => signal ?? `exit code ${code}`;

export interface StartOptions {
  /** The program's main module, and its arguments. */
  readonly words: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Both outputs are appended to it. */
  readonly log: string;
  readonly guard: Guard;
}

export class ManagedProcess {
  readonly #child: ChildProcess;
  readonly exited: Promise<Exit>;
  #alive = true;

  constructor({ words, environment, log, guard }: StartOptions) {
    const output = openSync(log, "a");
    // In a separate process group: the parent handles Ctrl-C.
    const child = spawn(process.execPath, words, {
      stdio: ["ignore", output, output],
      env: environment,
      detached: true,
    });
    closeSync(output);
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) guard.add(pid);
    this.exited = new Promise((resolve) => {
      const over = (exit: Exit): void => {
        this.#alive = false;
        if (pid !== undefined) guard.remove(pid);
        resolve(exit);
      };
      child.once("exit", (code, signal) => over({ code, signal }));
      child.once("error", () => over({ code: 1, signal: null }));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Kills it, even if it is stopped. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  stop(): void {
    this.#signal("SIGSTOP");
  }

  goOn(): void {
    this.#signal("SIGCONT");
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#alive) this.#child.kill(signal);
  }
}
