/** Promises that nobody waits for. Without a handler, one that rejects would end the process. */

/**
 * Lets a promise go on by itself.
 * @param onRejected what to do about its failure; must not throw
 */
export function detach(promise: Promise<unknown>, onRejected: (error: unknown) => void): void {
  promise.catch(onRejected);
}
