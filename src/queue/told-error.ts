/**
 * What everybody who may read the queue's events is told of an error. Messages about data and models quote them: these
 * are for the server's output and the run's folder. Pure.
 */
import type { ErrorCode } from "../errors.js";
import type { PackedError } from "../packed-error.js";

/** Errors whose messages may have parts of a file in them, in general words. */
const general: Partial<Record<ErrorCode, string>> = {
  data: "the run's data cannot be used",
  model: "the run's model or adapter cannot be used",
  bug: "internal error",
};

const where = "Details are in the server's output, and in queue.json in the run's output_dir.";

/** @param error of a run that was admitted; the reasons of a refusal have only what the submission says */
export function toldError(error: PackedError): PackedError {
  const message = general[error.code];
  if (message === undefined) return error;
  const place = placeIn(error.message);
  return { code: error.code, message: place === undefined ? message : `${message}: ${place}`, hint: where };
}

/** "/data/train.jsonl:7", where a message begins with one. */
const placeIn = (message: string): string | undefined => /^(\/[^\s:]+(?::\d+)?)(?=: |, | )/.exec(message)?.[1];
