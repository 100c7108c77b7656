/** Abortable waits and back-off. */
import { systemClock } from "../clock.js";
import type { Clock } from "../clock.js";

/** Resolves after `duration` ms, or as soon as the signal is aborted. */
export function pause(duration: number, signal?: AbortSignal, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const timer = clock.after(duration, done);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** Waits between attempts, ms: each twice the previous one, from `first` up to `last`. */
export interface BackOff {
  readonly first: number;
  readonly last: number;
}

export const nextWait = (wait: number, { last }: BackOff): number => Math.min(last, wait * 2);
