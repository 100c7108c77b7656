import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { RunStatus } from "../../../src/control/index.js";
import { isOver, watchStatus } from "../../../src/control/index.js";
import { statusExample } from "./status-example.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A run that changes when it is told to. */
function run() {
  let status: RunStatus = statusExample;
  const listeners = new Set<(over: boolean) => void>();
  const given: (string | number)[] = [];
  const control = {
    status: () => status,
    watch: (listener: (over: boolean) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const become = (changes: Partial<RunStatus>): void => {
    status = { ...status, ...changes };
    for (const listener of listeners) listener(isOver(status.state));
  };
  const end = watchStatus(control, ({ step }, last) => void given.push(last ? `last ${step}` : step));
  return { become, given, listeners, end };
}

it("emits the status immediately, then changes at most four times per second", () => {
  const { become, given } = run();
  expect(given).toEqual([12]);
  for (let step = 13; step <= 20; step++) become({ step });
  expect(given).toEqual([12]);
  vi.advanceTimersByTime(250);
  expect(given).toEqual([12, 20]);
  vi.advanceTimersByTime(1_000);
  become({ step: 21 });
  expect(given).toEqual([12, 20, 21]);
});

it("emits periodically even if nothing changes", () => {
  const { become, given } = run();
  vi.advanceTimersByTime(4_999);
  become({});
  expect(given).toEqual([12]);
  vi.advanceTimersByTime(1);
  expect(given).toEqual([12, 12]);
  vi.advanceTimersByTime(5_000);
  expect(given).toEqual([12, 12, 12]);
});

it("emits nothing after the end of the run or of the watching", () => {
  const { become, given, listeners } = run();
  become({ step: 250, state: "completed" });
  expect(given).toEqual([12, "last 250"]);
  expect(listeners.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  const other = run();
  other.end();
  other.become({ step: 13 });
  vi.advanceTimersByTime(10_000);
  expect(other.given).toEqual([12]);
  expect(other.listeners.size).toBe(0);
});
