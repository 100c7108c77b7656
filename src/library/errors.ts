/** The errors that the library's functions reject with. */
import { CoxswainError, messageOf } from "../errors.js";
import { systemTrouble } from "../system-errors.js";

/** Converts any error into a CoxswainError: system errors are explained, unexpected ones become "bug". */
export const asCoxswainError = (error: unknown): CoxswainError =>
  systemTrouble(error) ?? new CoxswainError("bug", `${nameOf(error)}${messageOf(error)}`, { cause: error });

/** "TypeError: "; empty for a plain Error. */
const nameOf = (error: unknown): string => (error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "");

/** The error after the caller's signal was aborted; its cause is the signal's reason. */
export const aborted = (what: string, signal: AbortSignal): CoxswainError =>
  new CoxswainError("interrupted", `${what} was aborted`, { cause: signal.reason });

/** @throws CoxswainError "interrupted" if the signal is aborted */
export function throwIfAborted(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(what, signal);
}

/** Reports progress to the caller; throws a CoxswainError "interrupted" if the caller has aborted. */
export const abortableProgress =
  (
    what: string,
    {
      signal,
      onProgress,
    }: {
      readonly signal?: AbortSignal | undefined;
      readonly onProgress?: ((text: string) => void) | undefined;
    },
  ) =>
  (text: string): void => {
    throwIfAborted(what, signal);
    onProgress?.(text);
  };

/** Calls a function; every error that it throws becomes a CoxswainError. */
export async function rejectingWell<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asCoxswainError(error);
  }
}
