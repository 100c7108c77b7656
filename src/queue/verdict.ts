/** What becomes of a run that was served, by how it ended. Pure. */
import { CoxswainError, isPermanent } from "../errors.js";
import { interrupted } from "../library/index.js";
import type { FinishedRun } from "../library/index.js";
import { packError } from "../packed-error.js";
import type { PackedError } from "../packed-error.js";
import { attemptsAllowed } from "./attempt.js";

export type Verdict =
  /** It leaves the queue. */
  | { readonly kind: "finished"; readonly step: number; readonly adapter: string | undefined }
  | { readonly kind: "stopped"; readonly step: number; readonly reason: string }
  | { readonly kind: "rejected"; readonly error: PackedError }
  /** It is given to a server again, not before `delay` ms. */
  | { readonly kind: "returned"; readonly reason: string; readonly delay: number };

/** Between attempts at a run that failed by no fault of its file, ms. */
const retryDelay = 30_000;

/** @param attempts in a row without a new step, this one included */
export function judge({ outcome, adapter, step }: FinishedRun, attempts: number): Verdict {
  switch (outcome.kind) {
    case "completed":
      return { kind: "finished", step, adapter };
    case "stopped":
      // By a signal: this server leaves. By anybody else: so be it.
      return outcome.reason === interrupted
        ? { kind: "returned", reason: "its server left", delay: 0 }
        : { kind: "stopped", step, reason: outcome.reason };
    case "failed":
      return judgeError(outcome.error, attempts);
  }
}

export function judgeError(error: unknown, attempts: number): Verdict {
  const packed = packError(error);
  if (isPermanent(packed.code) || attempts >= attemptsAllowed) return { kind: "rejected", error: packed };
  return { kind: "returned", reason: packed.message, delay: retryDelay };
}

/** One that ended so many servers, or failed so often, without a step. */
export const tooOften = (attempts: number): CoxswainError =>
  new CoxswainError("cluster", `it was tried ${attempts - 1} times without a new step`, {
    hint: "Look at the logs in its output_dir, and at the servers' own; submit it again when the cause is gone.",
  });
