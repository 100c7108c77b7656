/** Says every few seconds that something still goes on. Knows nothing of what. */

/** Between two words, ms. */
const interval = 5_000;

/**
 * Runs the work.
 * @param say told how many seconds it has taken so far
 */
export async function whileWorking<T>(say: (seconds: number) => void, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const timer = setInterval(() => say(Math.round((performance.now() - start) / 1000)), interval).unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
