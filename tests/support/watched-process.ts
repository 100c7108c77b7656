/** A child process whose output can be waited for. */
import type { ChildProcess } from "node:child_process";

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class WatchedProcess {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = "";
  stderr = "";
  readonly #watchers = new Set<() => void>();
  #over: Finished | undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on("data", (data: Buffer) => this.#take(() => (this.stdout += data.toString())));
    child.stderr?.on("data", (data: Buffer) => this.#take(() => (this.stderr += data.toString())));
    this.finished = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#take(() => (this.#over = { code, signal, stdout: this.stdout, stderr: this.stderr }));
        if (this.#over !== undefined) resolve(this.#over);
      });
    });
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

  #take(change: () => void): void {
    change();
    for (const watcher of [...this.#watchers]) watcher();
  }
}
