/**
 * Whether somebody scrapes this process regularly, and how long it pays to wait at its end until they have seen what it
 * says last. Decides only: it is told when scrapes come, and what time it is.
 */

/** Nobody is waited for who comes less often than this, ms. */
const longestInterval = 60_000;

/** What takes longer than this much of its interval is not coming. */
const tolerance = 1.5;

/** And nobody is given up before, ms: a machine may be busy. */
const leastPatience = 2_000;

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
    const expected = this.#last + Math.max(tolerance * this.#interval, leastPatience);
    return Math.max(0, expected - now);
  }
}
