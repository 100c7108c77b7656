/** Handles a standard output or error that can no longer be written: its reader or terminal is gone, or its disk is full. */
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";

export type OutputName = "stdout" | "stderr";

/** The reason why an output is lost, as a clause. */
export function lossOf(name: OutputName, error: unknown): string {
  const stream = streamNames[name];
  switch (systemCodeOf(error)) {
    case "EPIPE":
    case "ERR_STREAM_DESTROYED":
      return `the reader of the ${stream} is gone`;
    case "EIO":
      return `the terminal of the ${stream} is gone`;
    case "ENOSPC":
      return `the ${stream} cannot be written: no space left on device`;
    case undefined:
    default:
      return `the ${stream} cannot be written: ${messageOf(error)}`;
  }
}

const streamNames: Record<OutputName, string> = { stdout: "standard output", stderr: "standard error" };

/**
 * How a command whose output is lost ends.
 * @returns the exit code for a silent exit if the reader is gone: 128 + the signal that would end other programs; else
 *   the error to report
 */
export function endOfLoss(name: OutputName, error: unknown): number | CoxswainError {
  switch (systemCodeOf(error)) {
    case "EPIPE":
      return 128 + sigpipe;
    case "EIO":
      return 128 + sighup;
    case undefined:
    default:
      return new CoxswainError("storage", lossOf(name, error), {
        hint: "Free space where the output is redirected to, or redirect it elsewhere.",
        cause: error,
      });
  }
}

const sighup = 1;
const sigpipe = 13;
