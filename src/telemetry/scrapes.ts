/** Tracks scrapes, and waits for one more at the end. */
import { ScrapeRhythm } from "./scrape-rhythm.js";

export class Scrapes {
  readonly #rhythm = new ScrapeRhythm();
  /** Start of each wait by its callback, monotonic ms. */
  readonly #waiting = new Map<() => void, number>();

  /**
   * One was answered.
   * @param askedAt when it was requested, monotonic ms: its values are no newer than that
   */
  answered(askedAt: number): void {
    this.#rhythm.scraped(askedAt);
    for (const [resolve, since] of this.#waiting) if (askedAt >= since) resolve();
  }

  /** Resolves on the next scrape, when it is late, or on the signal; undefined if none is expected. */
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
