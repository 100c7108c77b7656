/** Functions that the caller gives: what one throws is the caller's error, and is named. */
import { CoxswainError, messageOf } from "../errors.js";

/**
 * The same function, which never throws: in a timer or on a socket that would end the process.
 * @param name for messages: "view.note"
 * @param onThrow is called with what it threw
 */
export function contained<Arguments extends readonly unknown[]>(
  name: string,
  call: (...args: Arguments) => void,
  onThrow: (error: CoxswainError) => void,
): (...args: Arguments) => void {
  return (...args) => {
    try {
      call(...args);
    } catch (error) {
      onThrow(thrownBy(name, error));
    }
  };
}

const thrownBy = (name: string, error: unknown): CoxswainError =>
  error instanceof CoxswainError
    ? error
    : new CoxswainError("usage", `${name} threw: ${messageOf(error)}`, {
        hint: "Handle errors within the function that is given.",
        cause: error,
      });

/** A function that throws CoxswainErrors alone, which name it; nothing where none is given. */
export function named<Arguments extends readonly unknown[]>(
  name: string,
  call: ((...args: Arguments) => void) | undefined,
): ((...args: Arguments) => void) | undefined {
  if (call === undefined) return undefined;
  return contained(name, call, (error) => {
    throw error;
  });
}

/** The same options, with functions that are {@link named}. */
export const namedCallbacks = <
  Options extends { onNote?: ((text: string) => void) | undefined; onProgress?: ((text: string) => void) | undefined },
>(
  options: Options,
): Options => ({
  ...options,
  onNote: named("onNote", options.onNote),
  onProgress: named("onProgress", options.onProgress),
});
