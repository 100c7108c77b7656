/** A standard output or error that can no longer be written: its reader or terminal is gone, or its disk is full. */
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";

export type OutputName = "stdout" | "stderr";

/** Why an output is lost, as a clause. */
export function lossOf(name: OutputName, error: unknown): string {
  const stream = streamNames[name];
  switch (systemCodeOf(error)) {
    case "EPIPE":
    case "ERR_STREAM_DESTROYED":
      return `nobody reads the ${stream} any more`;
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
 * What a command ends with whose output is lost.
 * @returns the exit code to end with silently, where the reader has left: 128 and the signal that other programs end by;
 *   else the error to tell
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
