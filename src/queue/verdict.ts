/** Decides what happens to a run from the queue, from how it ended. Pure. */
import { CoxswainError, isPermanent } from "../errors.js";
import { interrupted } from "../library/index.js";
import type { FinishedRun } from "../library/index.js";
import { packError } from "../packed-error.js";
import type { PackedError } from "../packed-error.js";
import { ProcessEnded } from "./aborted.js";
import { attemptsAllowed } from "./limits.js";
import { toldError } from "./told-error.js";

export type Verdict =
  /** The run leaves the queue. */
  | { readonly kind: "finished"; readonly step: number; readonly adapter: string | undefined }
  | { readonly kind: "stopped"; readonly step: number; readonly reason: string }
  | { readonly kind: "rejected"; readonly error: PackedError }
  /** The run is delivered again after at least `delay` ms. */
  | { readonly kind: "returned"; readonly reason: string; readonly delay: number; readonly error?: PackedError };

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
  // What ended one process would end the next one.
  const isOver = isPermanent(packed.code) || error instanceof ProcessEnded || attempts >= attemptsAllowed;
  if (isOver) return { kind: "rejected", error: packed };
  return { kind: "returned", reason: packed.message, delay: retryDelay, error: packed };
}

/** As everybody who may read the queue's events is told it. */
export function toldVerdict(verdict: Verdict): Verdict {
  if (verdict.kind === "rejected") return { ...verdict, error: toldError(verdict.error) };
  if (verdict.kind !== "returned" || verdict.error === undefined) return verdict;
  const { error, ...rest } = verdict;
  return { ...rest, reason: toldError(error).message };
}

/** The error for a run that killed its server, or failed, too often without a new step. */
export const tooOften = (attempts: number): CoxswainError =>
  new CoxswainError("cluster", `the run was tried ${attempts - 1} times without a new step`, {
    hint: "See the logs in its output_dir and those of the servers; fix the cause and submit it again.",
  });
