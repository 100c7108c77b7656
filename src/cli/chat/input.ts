/** Lines of input: edited in a terminal, or read from a pipe. */
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";

export interface ChatInput {
  /** The next line; null after the last one (Ctrl-D, the end of the file). */
  next(): Promise<string | null>;
  close(): void;
}

export interface ChatTerminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
  readonly stdout: NodeJS.WriteStream;
}

/** Forwards to the terminal only while a line is edited: what is typed during an answer must not break into it. */
class Echo extends Writable {
  readonly #terminal: NodeJS.WriteStream;
  muted = false;
  readonly isTTY = true;

  constructor(terminal: NodeJS.WriteStream) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    terminal.on("resize", this.#onResize);
  }

  readonly #onResize = (): void => {
    this.emit("resize");
  };

  get columns(): number {
    return this.#terminal.columns;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    if (!this.muted) this.#terminal.write(chunk);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#terminal.off("resize", this.#onResize);
    done(error);
  }
}

/** @param onInterrupt Ctrl-C; `editing`: a line is being edited and is not empty */
export function openInput(
  { stdin, stdout }: ChatTerminal,
  prompt: string,
  onInterrupt: (editing: boolean) => void,
): ChatInput {
  const echo = stdin.isTTY === true ? new Echo(stdout) : undefined;
  const readline: Interface = createInterface(
    echo === undefined
      ? { input: stdin, terminal: false, crlfDelay: Infinity }
      : { input: stdin, output: echo, terminal: true, prompt, historySize: 200 },
  );
  const lines: string[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  readline.on("line", (line) => {
    lines.push(line);
    if (echo !== undefined) echo.muted = true;
    wake?.();
  });
  readline.on("close", () => {
    ended = true;
    wake?.();
  });
  const interrupt = (): void => {
    const editing = echo?.muted === false && readline.line !== "";
    if (editing) {
      // As a shell does: the line is left, and a new one begins.
      stdout.write("^C\n");
      readline.write(null, { ctrl: true, name: "e" });
      readline.write(null, { ctrl: true, name: "u" });
      readline.prompt();
    }
    onInterrupt(editing);
  };
  readline.on("SIGINT", interrupt);
  process.on("SIGINT", interrupt);
  return {
    async next() {
      if (lines.length === 0 && !ended) {
        if (echo !== undefined) {
          echo.muted = false;
          readline.prompt(true);
        }
        await new Promise<void>((resolve) => (wake = resolve));
        wake = undefined;
      }
      if (echo !== undefined) echo.muted = true;
      return lines.shift() ?? null;
    },
    close() {
      process.off("SIGINT", interrupt);
      readline.close();
      echo?.destroy();
    },
  };
}
