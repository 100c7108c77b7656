/**
 * What every command has around it: errors become a message, a hint and an exit code, and `--set` means the same
 * everywhere. Knows nothing of what a command does.
 */
import { constants } from "node:os";
import { inspect } from "node:util";
import type { Command } from "commander";
import { detach } from "../async/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { explained } from "../system-errors.js";
import { coloursFor } from "./terminal/colour.js";
import { endOfLoss } from "./process/output-loss.js";

/** What the frame touches of its process. */
export interface FrameProcess {
  readonly stderr: {
    readonly isTTY?: boolean | undefined;
    write(text: string, done: () => void): unknown;
    on?(event: "error", listener: () => void): unknown;
  };
  readonly environment: Readonly<Record<string, string | undefined>>;
  exit(code: number): void;
}

/** What the treatment of signals touches of it. */
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
 * Runs a command's work. What it throws is told on stderr and ends the process with the error's exit code; where it
 * returns, the process ends by itself once everything is closed.
 */
export async function runCommand(action: () => Promise<void>, host: FrameProcess = thisProcess): Promise<void> {
  try {
    process.cwd();
    await action();
  } catch (error) {
    await fail(error, host);
  }
}

/** Tells of an error and ends the process. */
export async function fail(thrown: unknown, host: FrameProcess = thisProcess): Promise<void> {
  // Nobody is left to read: as quiet as a program that SIGPIPE ends, and with its exit code.
  if (systemCodeOf(thrown) === "EPIPE") {
    host.exit(exitCodeOfClosedPipe);
    return;
  }
  const error = explained(thrown);
  // Where that cannot be told either, the exit code says it.
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
  let text = `${colours.bold(colours.red("error:"))} ${isBug ? bugMessage(error) : messageOf(error)}\n`;
  if (hint !== undefined) text += `${colours.cyan("hint:")} ${hint}\n`;
  if (environment["COXSWAIN_DEBUG"] === "1") text += `${colours.dim(inspect(error, { depth: 5 }))}\n`;
  return text;
}

const bugHint =
  "This is a bug in coxswain: docs/troubleshooting.md says where to report it. Add what COXSWAIN_DEBUG=1 prints before the command.";

function bugMessage(error: unknown): string {
  const kind =
    error instanceof Error && error.name !== "Error" && !(error instanceof CoxswainError) ? `${error.name}: ` : "";
  return `${kind}${messageOf(error)}`;
}

/**
 * Ends the process when what it prints can no longer be written (`coxswain preview run.yaml | head`), unless its command
 * answers that itself, and tells of errors that no command caught. What Node deprecates is for developers to know
 * (COXSWAIN_DEBUG=1): gRPC names a server by its IP address in the TLS handshake, for one.
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
 * Signals end a program that does nothing about them, but not the first process of a container: for that one the kernel has
 * no such default. Where a command has a listener of its own, the signal is left to that.
 * @param host the process; of another number than 1 it is left alone
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
    "a setting in place of the run file's, as in training.learning_rate=1e-4 (repeatable)",
    collect,
  );
  // A default in the option itself would show in the help as "(default: [])".
  return command.setOptionValueWithSource("set", [], "default");
}
