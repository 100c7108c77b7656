/** These tests protect: how a run ended is never scraped, or a process that nobody scrapes does not end. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ScrapeRhythm } from "../../../src/telemetry/scrape-rhythm.js";
import { Scrapes } from "../../../src/telemetry/scrapes.js";

const after = (...scrapes: number[]): ScrapeRhythm => {
  const rhythm = new ScrapeRhythm();
  for (const scrape of scrapes) rhythm.scraped(scrape);
  return rhythm;
};

describe("at the end of a process", () => {
  it("does not wait for a client that never came, or came once", () => {
    expect(after().patience(100)).toBe(0);
    expect(after(50).patience(100)).toBe(0);
  });

  it("waits for a scraper until its next scrape is half an interval late", () => {
    expect(after(0, 15_000, 30_000).patience(30_000)).toBe(22_500);
    expect(after(0, 15_000, 30_000).patience(44_000)).toBe(8_500);
  });

  it("does not wait for a scraper that has stopped", () => {
    expect(after(0, 15_000).patience(60_000)).toBe(0);
  });

  it("uses the newest interval", () => {
    expect(after(0, 60_000, 64_000).patience(64_000)).toBe(6_000);
  });

  it("waits two seconds for a very frequent scraper: the machine may be busy", () => {
    expect(after(0, 100).patience(100)).toBe(2_000);
    expect(after(0, 100).patience(2_000)).toBe(100);
  });

  it("does not wait for an infrequent scraper", () => {
    expect(after(0, 60_000).patience(60_000)).toBe(90_000);
    expect(after(0, 61_000).patience(61_000)).toBe(0);
  });
});

describe("waiting for the last scrape", () => {
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

  it("ends with the next scrape that starts after the wait began", async () => {
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

  it("ends when the scrape is late", async () => {
    const waiting = scraped().next(never)!;
    vi.advanceTimersByTime(22_500);
    await waiting;
  });

  it("ends on an interrupt, and immediately without a scraper", async () => {
    const leaving = new AbortController();
    const waiting = scraped().next(leaving.signal)!;
    leaving.abort();
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
    expect(scraped().next(leaving.signal)).toBeUndefined();
    expect(new Scrapes().next(never)).toBeUndefined();
  });
});
