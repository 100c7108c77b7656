/**
 * The one error type. What a user sees is `message` (what is wrong, naming the file, line, key or host) and `hint`
 * (what to do); a stack is never shown. Anything thrown that is not a `CoxswainError` is a bug of ours.
 */

/** What kind of trouble it is; decides the exit code of the process. */
export type ErrorCode =
  "usage" | "config" | "data" | "model" | "network" | "cluster" | "storage" | "machine" | "interrupted" | "bug";

/** Exit codes: Kubernetes' `podFailurePolicy` and scripts tell kinds of failure apart by them. */
const exitCodes: Record<ErrorCode, number> = {
  bug: 1,
  usage: 2,
  config: 2,
  data: 3,
  model: 4,
  network: 5,
  cluster: 5,
  storage: 6,
  machine: 7,
  interrupted: 130,
};

export interface CoxswainErrorOptions {
  /** What the user can do about it, as one sentence or two. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class CoxswainError extends Error {
  override readonly name = "CoxswainError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: CoxswainErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Node's `code` ("ENOENT", "EADDRINUSE", "ENOSPC" …) of a system error, if it is one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
