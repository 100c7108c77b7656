/** What a user loses if these fail: how a run ended is never scraped, or a process that nobody scrapes does not end. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ScrapeRhythm } from "../../../src/telemetry/scrape-rhythm.js";
import { Scrapes } from "../../../src/telemetry/scrapes.js";

const after = (...scrapes: number[]): ScrapeRhythm => {
  const rhythm = new ScrapeRhythm();
  for (const scrape of scrapes) rhythm.scraped(scrape);
  return rhythm;
};

describe("at the end of a process", () => {
  it("nobody is waited for who never came, or looked once", () => {
    expect(after().patience(100)).toBe(0);
    expect(after(50).patience(100)).toBe(0);
  });

  it("a scraper is waited for until its next scrape is half an interval late", () => {
    expect(after(0, 15_000, 30_000).patience(30_000)).toBe(22_500);
    expect(after(0, 15_000, 30_000).patience(44_000)).toBe(8_500);
  });

  it("a scraper that has stayed away is not waited for", () => {
    expect(after(0, 15_000).patience(60_000)).toBe(0);
  });

  it("the newest interval counts", () => {
    expect(after(0, 60_000, 61_000).patience(61_000)).toBe(1_500);
  });

  it("a scraper that comes once in a while is not waited for", () => {
    expect(after(0, 60_000).patience(60_000)).toBe(90_000);
    expect(after(0, 61_000).patience(61_000)).toBe(0);
  });
});

describe("who waits for the last scrape", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Scraped every 15 s, just now the last time. */
  function scraped(): Scrapes {
    const scrapes = new Scrapes();
    scrapes.answered(performance.now());
    vi.advanceTimersByTime(15_000);
    scrapes.answered(performance.now());
    return scrapes;
  }

  const never = new AbortController().signal;

  it("goes on with the next one that was asked for after they began to wait", async () => {
    const scrapes = scraped();
    const askedBefore = performance.now();
    vi.advanceTimersByTime(1);
    let over = false;
    const waiting = scrapes.next(never)!.then(() => (over = true));
    scrapes.answered(askedBefore);
    await Promise.resolve();
    expect(over).toBe(false);
    vi.advanceTimersByTime(10_000);
    scrapes.answered(performance.now());
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("goes on when it is late", async () => {
    const waiting = scraped().next(never)!;
    vi.advanceTimersByTime(22_500);
    await waiting;
  });

  it("goes on when a user has enough, and does not wait where nobody scrapes", async () => {
    const leaving = new AbortController();
    const waiting = scraped().next(leaving.signal)!;
    leaving.abort();
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
    expect(scraped().next(leaving.signal)).toBeUndefined();
    expect(new Scrapes().next(never)).toBeUndefined();
  });
});
