/** Decides what happens to a run from the queue, from how it ended. Pure. */
import { CoxswainError, isPermanent } from "../errors.js";
import { interrupted } from "../library/index.js";
import type { FinishedRun } from "../library/index.js";
import { packError } from "../packed-error.js";
import type { PackedError } from "../packed-error.js";
import { attemptsAllowed } from "./attempt.js";

export type Verdict =
  /** The run leaves the queue. */
  | { readonly kind: "finished"; readonly step: number; readonly adapter: string | undefined }
  | { readonly kind: "stopped"; readonly step: number; readonly reason: string }
  | { readonly kind: "rejected"; readonly error: PackedError }
  /** The run is delivered again after at least `delay` ms. */
  | { readonly kind: "returned"; readonly reason: string; readonly delay: number };

/** Time between attempts after an error that is not permanent, ms. */
const retryDelay = 30_000;

/** @param attempts number of consecutive attempts without a new step, including this one */
export function judge({ outcome, adapter, step }: FinishedRun, attempts: number): Verdict {
  switch (outcome.kind) {
    case "completed":
      return { kind: "finished", step, adapter };
    case "stopped":
      // A signal stops the server, so the run is returned. Another caller stops the run itself.
      return outcome.reason === interrupted
        ? { kind: "returned", reason: "its server was stopped", delay: 0 }
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

/** The error for a run that killed its server, or failed, too often without a new step. */
export const tooOften = (attempts: number): CoxswainError =>
  new CoxswainError("cluster", `the run was tried ${attempts - 1} times without a new step`, {
    hint: "See the logs in its output_dir and those of the servers; fix the cause and submit it again.",
  });
