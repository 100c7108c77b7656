/** Reports every few seconds that work is still in progress. */
import type { Clock } from "../clock.js";

/** Between two reports, ms. */
const interval = 5_000;

/**
 * Runs the work.
 * @param say receives the seconds elapsed so far
 */
export async function whileWorking<T>(
  clock: Clock,
  say: (seconds: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  const start = clock.now();
  const timer = clock.every(interval, () => say(Math.round((clock.now() - start) / 1000)));
  try {
    return await work();
  } finally {
    timer.cancel();
  }
}
