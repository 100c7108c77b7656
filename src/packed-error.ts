/** A `CoxswainError` as plain data, to rethrow it with the same code, message and hint in another thread or process. */
import { CoxswainError, messageOf } from "./errors.js";
import type { ErrorCode } from "./errors.js";
import { systemTrouble } from "./system-errors.js";

export interface PackedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
}

export function packError(error: unknown): PackedError {
  const known = systemTrouble(error);
  if (known === undefined) return { code: "bug", message: messageOf(error), hint: null };
  return { code: known.code, message: known.message, hint: known.hint ?? null };
}

export function unpackError({ code, message, hint }: PackedError): CoxswainError {
  return new CoxswainError(code, message, hint === null ? {} : { hint });
}
