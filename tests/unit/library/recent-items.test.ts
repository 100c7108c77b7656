import { describe, expect, it } from "vitest";
import { RecentItems } from "../../../src/async/index.js";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("recent items", () => {
  it("reach each of several readers, whenever it begins", async () => {
    const items = new RecentItems<number>(10);
    items.push(1);
    const early = collect(items);
    items.push(2);
    const late = collect(items);
    items.push(3);
    items.end();
    expect(await early).toEqual([1, 2, 3]);
    expect(await late).toEqual([1, 2, 3]);
  });

  it("are the newest for a reader that is behind, however many there were", async () => {
    const items = new RecentItems<number>(3);
    const reader = items[Symbol.asyncIterator]();
    items.push(0);
    expect(await reader.next()).toEqual({ done: false, value: 0 });
    for (let item = 1; item <= 100_000; item++) items.push(item);
    items.end();
    expect(await reader.next()).toEqual({ done: false, value: 99_998 });
    expect(await collect(items)).toEqual([99_998, 99_999, 100_000]);
  });

  it("end every pending call of a reader that leaves", async () => {
    const reader = new RecentItems<number>(3)[Symbol.asyncIterator]();
    const waiting = [reader.next(), reader.next(), reader.next()];
    await reader.return!();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => ({ done: true, value: undefined })));
  });

  it("can be taken on by another loop over the same reader", async () => {
    const items = new RecentItems<number>(3);
    for (const item of [1, 2, 3]) items.push(item);
    items.end();
    const reader = items[Symbol.asyncIterator]();
    await reader.next();
    expect(await collect(reader)).toEqual([2, 3]);
  });

  it("end a reader that leaves while it waits", async () => {
    const items = new RecentItems<number>(3);
    const reader = items[Symbol.asyncIterator]();
    const waiting = reader.next();
    await reader.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    items.push(1);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it("that come after the end are ignored", async () => {
    const items = new RecentItems<number>(3);
    items.end();
    items.push(1);
    expect(await collect(items)).toEqual([]);
  });
});
