/** Command lines that need a shell: pipes, redirections, `nohup`. */
import { spawn } from "node:child_process";
import { afterAll } from "vitest";
import { program } from "./processes.js";
import { WatchedProcess } from "./watched-process.js";

const started: ShellProcess[] = [];

// Kills processes that the test file left running.
afterAll(() => {
  for (const shell of started) shell.killAll();
});

/** In the command, `$COXSWAIN` runs the program. */
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

  /** Sends a signal to the shell and all processes it started, as a closing terminal does. */
  signalAll(signal: NodeJS.Signals): void {
    if (this.child.pid !== undefined) process.kill(-this.child.pid, signal);
  }

  killAll(): void {
    try {
      this.signalAll("SIGKILL");
    } catch {
      // It has already exited.
    }
  }
}
