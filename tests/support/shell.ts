/** Command lines that need a shell: pipes, redirections, `nohup`. */
import { spawn } from "node:child_process";
import { afterAll } from "vitest";
import { program } from "./processes.js";
import { WatchedProcess } from "./watched-process.js";

const started: ShellProcess[] = [];

// Whatever a test file left behind.
afterAll(() => {
  for (const shell of started) shell.killAll();
});

/** `$COXSWAIN` is the program in the command line. */
export class ShellProcess extends WatchedProcess {
  constructor(command: string, options: { cwd: string; env?: Record<string, string> }) {
    const child = spawn("bash", ["-c", command], {
      cwd: options.cwd,
      env: {
        ...process.env,
        NO_COLOR: "1",
        COXSWAIN_TOKEN: "",
        COXSWAIN: `${process.execPath} ${program}`,
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    super(child);
    started.push(this);
  }

  /** A signal to all that it started, as a terminal that closes sends one. */
  signalAll(signal: NodeJS.Signals): void {
    if (this.child.pid !== undefined) process.kill(-this.child.pid, signal);
  }

  killAll(): void {
    try {
      this.signalAll("SIGKILL");
    } catch {
      // It is gone already.
    }
  }
}
