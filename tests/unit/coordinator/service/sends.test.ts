/** What is kept for members that do not read, over all of them. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../../src/clock.js";
import { Sends } from "../../../../src/coordinator/service/sends.js";

const MiB = 1024 * 1024;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

function start(memory: number, timeout = 15_000) {
  const cut: string[] = [];
  const sends = new Sends({ memory, timeout }, systemClock);
  const begin = (name: string) => sends.begin(() => cut.push(name));
  return { sends, cut, begin };
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve().then(() => pending)])) !== pending;
};

describe("an answer that nobody reads", () => {
  it("ends after the time limit, and its memory is free again", async () => {
    const { sends, cut, begin } = start(MiB);
    await begin("silent").hold(1000);
    const reader = begin("reader");
    for (let second = 0; second < 15; second++) {
      vi.advanceTimersByTime(1000);
      reader.progress();
    }
    expect(cut).toEqual(["silent"]);
    reader.end();
    expect(vi.getTimerCount()).toBe(0);
    expect(sends.held).toBe(1000);
  });

  it("ends for others that need its memory, the one that was read least recently first", async () => {
    const { cut, begin } = start(2 * MiB);
    const [one, two, three] = [begin("one"), begin("two"), begin("three")];
    const release = await one.hold(MiB);
    await two.hold(MiB);
    vi.advanceTimersByTime(600);
    two.progress();
    const waiting = three.hold(MiB);
    expect(await isSettled(waiting)).toBe(false);
    vi.advanceTimersByTime(600);
    expect(cut).toEqual(["one"]);
    release();
    expect(await isSettled(waiting)).toBe(true);
    vi.advanceTimersByTime(600);
    expect(cut).toEqual(["one"]);
  });
});

describe("an answer that is read", () => {
  it("waits for memory as long as others read too, and is not late for that", async () => {
    const { cut, begin } = start(MiB);
    const [fast, slow] = [begin("fast"), begin("slow")];
    const release = await fast.hold(MiB);
    const waiting = slow.hold(MiB);
    for (let second = 0; second < 30; second++) {
      vi.advanceTimersByTime(900);
      fast.progress();
    }
    expect(cut).toEqual([]);
    release();
    await waiting;
    vi.advanceTimersByTime(900);
    expect(cut).toEqual([]);
  });

  it("may be of any size when it is alone", async () => {
    const { begin } = start(MiB);
    expect(await isSettled(begin("large").hold(100 * MiB))).toBe(true);
  });
});

describe("an object that several calls send", () => {
  it("counts once, until the last of them ends", async () => {
    const { sends, begin } = start(MiB);
    const replica = {};
    const calls = Array.from({ length: 10 }, () => begin("reader"));
    for (const call of calls) await call.share(replica, 1000);
    expect(sends.held).toBe(1000);
    for (const call of calls.slice(1)) call.end();
    expect(sends.held).toBe(1000);
    calls[0]!.end();
    calls[0]!.end();
    expect(sends.held).toBe(0);
  });

  it("is kept with three others however large it is; a fifth waits", async () => {
    const { sends, cut, begin } = start(MiB);
    for (let index = 0; index < 4; index++) await begin(`call ${index}`).share({}, 10 * MiB);
    const fifth = begin("fifth").share({}, 10 * MiB);
    expect(await isSettled(fifth)).toBe(false);
    vi.advanceTimersByTime(1000);
    expect(cut).toEqual(["call 0"]);
    expect(await isSettled(fifth)).toBe(true);
    expect(sends.held).toBe(40 * MiB);
  });
});

it("a call that ends while it waits is told so", async () => {
  const { begin } = start(MiB);
  await begin("holder").hold(MiB);
  const call = begin("waiting");
  const waiting = call.hold(MiB);
  call.end();
  await expect(waiting).rejects.toThrow("the call has ended");
});
