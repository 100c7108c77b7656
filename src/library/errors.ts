/** What the library's functions reject with. */
import { CoxswainError, messageOf } from "../errors.js";
import { systemTrouble } from "../system-errors.js";

/** Anything thrown, as a CoxswainError: a system's error in words, anything unforeseen as "bug". */
export const asCoxswainError = (error: unknown): CoxswainError =>
  systemTrouble(error) ?? new CoxswainError("bug", `${nameOf(error)}${messageOf(error)}`, { cause: error });

/** "TypeError: " where the kind says something. */
const nameOf = (error: unknown): string => (error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "");

/** What is rejected with where the caller's signal ended it; its cause is the signal's reason. */
export const aborted = (what: string, signal: AbortSignal): CoxswainError =>
  new CoxswainError("interrupted", `${what} was aborted`, { cause: signal.reason });

/** @throws CoxswainError "interrupted" where the signal is aborted */
export function throwIfAborted(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(what, signal);
}

/** Runs the work of a function; whatever it throws becomes a CoxswainError. */
export async function rejectingWell<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asCoxswainError(error);
  }
}
