/**
 * One process of the user's command: lines go to its standard input as fast as it reads them. It has a process group of its
 * own, so that Ctrl-C in the terminal does not end it before its last lines.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";
import { messageOf, systemCodeOf } from "../../errors.js";

/** How a process ended. */
export interface CommandEnd {
  /** done: exit code 0, it wants no more lines. failed: another attempt may succeed. unusable: none will. */
  readonly kind: "done" | "failed" | "unusable";
  readonly reason: string;
}

export interface CommandProcessOptions {
  /** Text for the shell, or a program with its arguments. */
  readonly command: string | readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** File descriptor of its output and errors. */
  readonly log: number;
  /** It can take more lines. */
  readonly onReady: () => void;
}

export class CommandProcess {
  readonly ended: Promise<CommandEnd>;
  readonly #child: ChildProcess;
  readonly #input: Writable | null;
  #isReady = true;

  constructor({ command, environment, log, onReady }: CommandProcessOptions) {
    const [program = "", ...rest] = typeof command === "string" ? [command] : command;
    this.#child = spawn(program, rest, {
      shell: typeof command === "string",
      stdio: ["pipe", log, log],
      env: environment,
      detached: true,
    });
    this.#input = this.#child.stdin;
    // It may end, or close its input, at any moment: its end is what is reported.
    this.#input?.on("error", () => undefined);
    this.#input?.on("drain", () => {
      this.#isReady = true;
      onReady();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ kind: "unusable", reason: cannotStart(program, error) }));
      this.#child.on("exit", (code, signal) => resolve(endOf(code, signal)));
    });
  }

  /** Whether a line would be passed on immediately. */
  get isReady(): boolean {
    return this.#isReady && this.#input?.writable === true;
  }

  send(line: string): void {
    this.#isReady = this.#input?.write(`${line}\n`) ?? false;
  }

  /** No more lines. */
  endInput(): void {
    this.#input?.end();
  }

  /** Gives up on its input: what it has not read is lost. */
  abandonInput(): void {
    this.#input?.destroy();
  }

  /** The command and what it started. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (systemCodeOf(error) !== "ESRCH") throw error;
    }
  }
}

function endOf(code: number | null, signal: NodeJS.Signals | null): CommandEnd {
  if (code === 0) return { kind: "done", reason: "it ended (exit code 0)" };
  if (code === 127) return { kind: "unusable", reason: "the command was not found (exit code 127)" };
  if (code === 126) return { kind: "unusable", reason: "the command cannot be executed (exit code 126)" };
  return {
    kind: "failed",
    reason: code === null ? `it was killed by ${signal ?? "a signal"}` : `it ended with exit code ${code}`,
  };
}

const cannotStart = (program: string, error: unknown): string =>
  systemCodeOf(error) === "ENOENT" ? `${program} was not found` : `${program} cannot be started: ${messageOf(error)}`;
