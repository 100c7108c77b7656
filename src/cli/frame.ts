/**
 * Shared by all commands: errors become a message, a hint and an exit code, and `--set` has the same meaning everywhere.
 * Independent of what a command does.
 */
import { constants } from "node:os";
import { inspect } from "node:util";
import type { Command } from "commander";
import { detach } from "../async/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { explained } from "../system-errors.js";
import { coloursFor } from "./terminal/colour.js";
import { visibleText } from "../visible-text.js";
import { withPages, workingFolder } from "./pages.js";
import { endOfLoss } from "./process/output-loss.js";

/** The parts of the process that errors are reported through. */
export interface FrameProcess {
  readonly stderr: {
    readonly isTTY?: boolean | undefined;
    write(text: string, done: () => void): unknown;
    on?(event: "error", listener: () => void): unknown;
  };
  readonly environment: Readonly<Record<string, string | undefined>>;
  exit(code: number): void;
}

/** The parts of the process that signals are handled through. */
export interface SignalledProcess {
  readonly pid: number;
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  listenerCount(signal: NodeJS.Signals): number;
  exit(code: number): void;
}

const thisProcess: FrameProcess = {
  stderr: process.stderr,
  environment: process.env,
  exit: (code) => process.exit(code),
};

/**
 * Runs a command. An error is printed on stderr and ends the process with the exit code of the error; otherwise the
 * process ends by itself once everything is closed.
 */
export async function runCommand(action: () => Promise<void>, host: FrameProcess = thisProcess): Promise<void> {
  try {
    process.cwd();
    await action();
  } catch (error) {
    await fail(error, host);
  }
}

/** Prints an error and ends the process. */
export async function fail(thrown: unknown, host: FrameProcess = thisProcess): Promise<void> {
  // The reader of the output is gone: exit silently, with the exit code of a program that SIGPIPE ends.
  if (systemCodeOf(thrown) === "EPIPE") {
    host.exit(exitCodeOfClosedPipe);
    return;
  }
  const error = explained(thrown);
  // If stderr cannot be written either, the exit code still reports the error.
  host.stderr.on?.("error", () => undefined);
  await new Promise<void>((resolve) => host.stderr.write(formatError(error, host), resolve));
  host.exit(error instanceof CoxswainError ? error.exitCode : 1);
}

/** 128 + SIGPIPE. */
const exitCodeOfClosedPipe = 141;

/** `error: …` and `hint: …`; with COXSWAIN_DEBUG=1 the stack and the causes too. */
export function formatError(error: unknown, { stderr, environment }: FrameProcess): string {
  const colours = coloursFor(stderr, environment);
  const isBug = !(error instanceof CoxswainError) || error.code === "bug";
  const hint = isBug ? bugHint : error.hint;
  const message = visibleText(isBug ? bugMessage(error) : messageOf(error));
  let text = `${colours.bold(colours.red("error:"))} ${message}\n`;
  if (hint !== undefined) {
    text += `${colours.cyan("hint:")} ${visibleText(withPages(hint, workingFolder()))}\n`;
  }
  if (environment["COXSWAIN_DEBUG"] === "1") text += `${colours.dim(inspect(error, { depth: 5 }))}\n`;
  return text;
}

const bugHint =
  "This is an internal error: please report it (see docs/troubleshooting.md). Run the command with COXSWAIN_DEBUG=1 and include the output.";

function bugMessage(error: unknown): string {
  const kind =
    error instanceof Error && error.name !== "Error" && !(error instanceof CoxswainError) ? `${error.name}: ` : "";
  return `${kind}${messageOf(error)}`;
}

/**
 * Ends the process when its output can no longer be written (`coxswain preview run.yaml | head`), unless the command
 * handles that itself, and reports uncaught errors. Deprecation warnings of Node are shown only with COXSWAIN_DEBUG=1:
 * gRPC causes one, since it sends an IP address as the server name in the TLS handshake.
 */
export function guardProcess(): void {
  if (process.env["COXSWAIN_DEBUG"] !== "1") process.noDeprecation = true;
  const endWith = (error: unknown): void => detach(fail(error), () => process.exit(1));
  let ending = false;
  for (const name of ["stdout", "stderr"] as const) {
    const stream = process[name];
    stream.on("error", (error) => {
      if (ending || stream.listenerCount("error") > 1) return;
      ending = true;
      const end = endOfLoss(name, error);
      if (typeof end === "number") process.exit(end);
      endWith(end);
    });
  }
  process.on("uncaughtException", endWith);
}

/**
 * Ends the first process of a container (PID 1) on signals: the kernel's default actions do not apply to it. If a command
 * has its own listener, the signal is left to that.
 * @param host the process; unchanged unless its PID is 1
 */
export function endOnSignals(host: SignalledProcess = process): void {
  if (host.pid !== 1) return;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    host.on(signal, () => {
      if (host.listenerCount(signal) === 1) host.exit(128 + constants.signals[signal]);
    });
  }
}

/** Adds the repeatable `--set <key=value>`; the command's options then have `set: readonly string[]`. */
export function setOption(command: Command): Command {
  const collect = (setting: string, earlier: readonly string[]): readonly string[] => [...earlier, setting];
  command.option(
    "--set <key=value>",
    "override a setting of the run file, as in training.learning_rate=1e-4 (repeatable)",
    collect,
  );
  // A default of the option itself would appear in the help as "(default: [])".
  return command.setOptionValueWithSource("set", [], "default");
}
