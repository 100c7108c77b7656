/** These tests protect: events that are told in order, and memory that does not grow while a server is away. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventBuffer } from "../../../src/nats/event-buffer.js";

describe("buffered events", () => {
  it("are the newest, in order, and every dropped one is reported", () => {
    const buffer = new EventBuffer<string>(3);
    expect(["a", "b", "c", "d", "e"].map((item) => buffer.push(item))).toEqual([false, false, false, true, true]);
    expect(buffer.oldest(10).map(({ item }) => item)).toEqual(["c", "d", "e"]);
    expect(buffer.oldest(2).map(({ item }) => item)).toEqual(["c", "d"]);
  });

  it("are kept if others were dropped during a batch: only stored ones are removed", () => {
    const buffer = new EventBuffer<number>(3);
    for (const item of [1, 2, 3]) buffer.push(item);
    const [first, second] = buffer.oldest(2);
    // 1 and 2 are dropped while they are under way.
    for (const item of [4, 5]) buffer.push(item);
    buffer.acknowledge(first!.sequence);
    expect(buffer.oldest(10).map(({ item }) => item)).toEqual([3, 4, 5]);
    buffer.acknowledge(second!.sequence);
    expect(buffer.length).toBe(3);
  });

  it("never exceed the capacity, and stay in order", () => {
    const action = fc.oneof(fc.constant("push" as const), fc.nat(8));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(action, { maxLength: 60 }), (capacity, actions) => {
        const buffer = new EventBuffer<number>(capacity);
        let pushed = 0;
        let gone = 0;
        for (const each of actions) {
          if (each === "push") gone += buffer.push(pushed++) ? 1 : 0;
          else {
            const batch = buffer.oldest(each);
            const last = batch.at(-1);
            if (last !== undefined) buffer.acknowledge(last.sequence);
            gone += batch.length;
          }
          const left = Array.from({ length: pushed - gone }, (_, index) => gone + index);
          expect(buffer.oldest(100).map(({ item }) => item)).toEqual(left);
          expect(buffer.length).toBeLessThanOrEqual(capacity);
        }
      }),
    );
  });
});
