/** Scrapes as they come, and whoever waits at the end for one more. */
import { ScrapeRhythm } from "./scrape-rhythm.js";

export class Scrapes {
  readonly #rhythm = new ScrapeRhythm();
  /** By whom to call: since when they wait, monotonic ms. */
  readonly #waiting = new Map<() => void, number>();

  /**
   * One was answered.
   * @param askedAt when it was asked for, monotonic ms: what it was told is no newer than that
   */
  answered(askedAt: number): void {
    this.#rhythm.scraped(askedAt);
    for (const [resolve, since] of this.#waiting) if (askedAt >= since) resolve();
  }

  /** Resolves with the next one, when it is late, or on the signal; undefined where none is to be expected. */
  next(signal: AbortSignal): Promise<void> | undefined {
    const since = performance.now();
    const patience = this.#rhythm.patience(since);
    if (patience === 0 || signal.aborted) return undefined;
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", settle);
        this.#waiting.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, patience);
      signal.addEventListener("abort", settle);
      this.#waiting.set(settle, since);
    });
  }
}
