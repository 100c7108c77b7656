/** Promises that nobody awaits. Without a handler, a rejection would end the process. */

/**
 * Lets a promise run in the background.
 * @param onRejected handles a rejection; must not throw
 */
export function detach(promise: Promise<unknown>, onRejected: (error: unknown) => void): void {
  promise.catch(onRejected);
}
