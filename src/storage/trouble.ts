/** File system errors as messages for users. */
import { CoxswainError, messageOf, systemCodeOf, type ErrorCode } from "../errors.js";
import { fileTrouble, systemTrouble } from "../system-errors.js";

/**
 * Converts a file system error (`ENOENT`, `ENOSPC` …) to a `CoxswainError` that names the path, and another system
 * error to one with its own text. A `CoxswainError`, or anything else (an internal error), is returned unchanged.
 */
export function storageTrouble(error: unknown, path: string, code: ErrorCode = "storage"): Error {
  const trouble = error instanceof CoxswainError ? undefined : fileTrouble(systemCodeOf(error));
  if (trouble !== undefined) {
    return new CoxswainError(code, `${path}: ${trouble.words}`, { hint: trouble.hint, cause: error });
  }
  return systemTrouble(error, code) ?? (error instanceof Error ? error : new Error(messageOf(error)));
}
