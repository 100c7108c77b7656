/**
 * The one error type. What a user sees is `message` (what is wrong, naming the file, line, key or host) and `hint`
 * (what to do); a stack is never shown. Anything thrown that is not a `CoxswainError` is an internal error.
 */

/** What kind of trouble it is; decides the exit code of the process, and whether another attempt makes sense. */
export type ErrorCode =
  | "usage"
  | "config"
  | "data"
  | "model"
  /** The loss or the gradient is not finite: the training itself, not a machine or a file. */
  | "diverged"
  | "network"
  | "cluster"
  | "storage"
  | "machine"
  | "interrupted"
  | "bug";

interface Kind {
  /** Kubernetes' `podFailurePolicy` and scripts tell kinds of failure apart by it. */
  readonly exitCode: number;
  /**
   * Where the same run may succeed: nowhere, because what it was given is wrong; elsewhere, because what is wrong is this
   * machine's and stays so; here, because it may pass.
   */
  readonly retry: "nowhere" | "elsewhere" | "here";
}

/** Of codes with the same exit code, the one that it stands for comes first. */
const kinds: Readonly<Record<ErrorCode, Kind>> = {
  bug: { exitCode: 1, retry: "here" },
  config: { exitCode: 2, retry: "nowhere" },
  usage: { exitCode: 2, retry: "nowhere" },
  data: { exitCode: 3, retry: "nowhere" },
  model: { exitCode: 4, retry: "nowhere" },
  cluster: { exitCode: 5, retry: "here" },
  network: { exitCode: 5, retry: "here" },
  storage: { exitCode: 6, retry: "elsewhere" },
  machine: { exitCode: 7, retry: "here" },
  diverged: { exitCode: 8, retry: "nowhere" },
  interrupted: { exitCode: 130, retry: "here" },
};

/** Whether another attempt at the same run fails of the same, on whatever machine. */
export const isPermanent = (code: ErrorCode): boolean => kinds[code].retry === "nowhere";

/** Whether another attempt on the same machine fails of the same. */
export const isPermanentHere = (code: ErrorCode): boolean => kinds[code].retry !== "here";

/** What the exit code of one of our processes stands for. */
export const errorCodeOf = (exitCode: number): ErrorCode | undefined =>
  (Object.keys(kinds) as ErrorCode[]).find((code) => kinds[code].exitCode === exitCode);

/** What a {@link CoxswainError} has besides code and message. */
export interface CoxswainErrorOptions {
  /** What the user can do about it, in one or two sentences. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** What everything rejects with that the user, a machine or a network is the cause of. */
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
    return kinds[this.code].exitCode;
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
