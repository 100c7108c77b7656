/** These tests protect: pages that cost nothing while nothing happens, and cannot fill the coordinator's memory. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ShownStatus, Snapshot, Update } from "../../../src/live-page/messages.js";
import { LiveStream } from "../../../src/live-page/stream.js";

const status = { run: "r" } as ShownStatus;

/** The side of a page that the coordinator has. */
class PageResponse extends EventEmitter {
  readonly said: string[] = [];
  writableLength = 0;
  destroyed = false;
  ended = false;

  write(text: string): void {
    this.said.push(/^event: (\w+)/.exec(text)![1]!);
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

describe("open pages", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  let changes: Update[] = [];
  const start = (): LiveStream<Snapshot, Update> =>
    new LiveStream({
      snapshot: (): Snapshot => ({ status, steps: [], evaluations: [], events: [] }),
      takeUpdate: (always) => changes.shift() ?? (always ? { status } : undefined),
      now: () => performance.now(),
    });
  const open = (stream: LiveStream<Snapshot, Update>): PageResponse => {
    const response = new PageResponse();
    stream.open(response as unknown as ServerResponse);
    return response;
  };

  it("get a snapshot, then changes, at most twice a second", () => {
    const page = open(start());
    expect(page.said).toEqual(["snapshot"]);
    changes = [{ status }, { status }];
    vi.advanceTimersByTime(499);
    expect(page.said).toEqual(["snapshot"]);
    vi.advanceTimersByTime(501);
    expect(page.said).toEqual(["snapshot", "update", "update"]);
  });

  it("get only a keep-alive every ten seconds while nothing changes", () => {
    const page = open(start());
    vi.advanceTimersByTime(500);
    const before = page.said.length;
    vi.advanceTimersByTime(9_000);
    expect(page.said.length).toBe(before);
    vi.advanceTimersByTime(1_500);
    expect(page.said.length).toBe(before + 1);
  });

  it("are disconnected if they stop reading, while others continue", () => {
    const stream = start();
    const [slow, fast] = [open(stream), open(stream)];
    slow.writableLength = 5 * 1024 * 1024;
    changes = [{ status }];
    vi.advanceTimersByTime(500);
    expect([slow.destroyed, fast.destroyed]).toEqual([true, false]);
    expect(fast.said).toContain("update");
  });

  it("use no timers once the last is closed", () => {
    const page = open(start());
    expect(vi.getTimerCount()).toBe(1);
    page.destroy();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("get the outcome before they are closed", () => {
    const stream = start();
    const page = open(stream);
    changes = [{ status }];
    stream.close();
    expect([page.said, page.ended]).toEqual([["snapshot", "update"], true]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
