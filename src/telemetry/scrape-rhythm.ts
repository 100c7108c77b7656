/**
 * Decides whether this process is scraped regularly, and how long to wait at its end for the last scrape. Pure: times
 * are passed in.
 */

/** A scraper with a longer interval is not waited for, ms. */
const longestInterval = 60_000;

/** A scrape that is late by more than this share of its interval is given up. */
const tolerance = 1.5;

/** Minimum lateness before giving up, ms: a machine may be busy. */
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
   * How long to wait for the next scrape, ms; 0 if none is expected: there must have been at least two scrapes, and
   * none may be overdue.
   */
  patience(now: number): number {
    if (this.#last === undefined || this.#interval === undefined || this.#interval > longestInterval) return 0;
    const expected = this.#last + Math.max(tolerance * this.#interval, leastPatience);
    return Math.max(0, expected - now);
  }
}
