/**
 * Whether somebody scrapes this process regularly, and how long it pays to wait at its end until they have seen what it
 * says last. Decides only: it is told when scrapes come, and what time it is.
 */

/** Nobody is waited for who comes less often than this, ms. */
const longestInterval = 60_000;

/** Of its interval, a scrape that takes longer is not coming. */
const tolerance = 1.5;

export class ScrapeRhythm {
  /** Monotonic, ms. */
  #last: number | undefined;
  /** Between the newest two, ms. */
  #interval: number | undefined;

  /** @param now monotonic, ms */
  scraped(now: number): void {
    if (this.#last !== undefined) this.#interval = now - this.#last;
    this.#last = now;
  }

  /**
   * How long to wait for the next scrape, ms; 0 where none is to be expected: twice somebody looked, at the least, and
   * they have not stayed away since.
   */
  patience(now: number): number {
    if (this.#last === undefined || this.#interval === undefined || this.#interval > longestInterval) return 0;
    return Math.max(0, this.#last + tolerance * this.#interval - now);
  }
}
