/** Reports every few seconds that work is still in progress. */

/** Between two reports, ms. */
const interval = 5_000;

/**
 * Runs the work.
 * @param say receives the seconds elapsed so far
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
