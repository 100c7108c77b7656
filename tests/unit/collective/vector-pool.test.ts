import { describe, expect, it } from "vitest";
import { VectorPool } from "../../../src/collective/index.js";

describe("a vector that is being sent is not reused", () => {
  it("is reused only when the last reader is done", () => {
    const pool = new VectorPool(4);
    const vector = pool.take();
    const first = pool.hold(vector);
    // A reader of a part holds the whole.
    const second = pool.hold(vector.subarray(1, 3));
    pool.give(vector);
    expect(pool.take()).not.toBe(vector);
    first();
    first();
    expect(pool.take()).not.toBe(vector);
    second();
    expect(pool.take()).toBe(vector);
  });

  it("stays its owner's while readers come and go", () => {
    const pool = new VectorPool(4);
    const vector = pool.take();
    pool.hold(vector)();
    expect(pool.take()).not.toBe(vector);
    pool.give(vector);
    expect(pool.take()).toBe(vector);
  });
});

describe("memory does not grow with the steps", () => {
  it("reuses vectors of each length, and drops lengths that are no longer requested", () => {
    const pool = new VectorPool(16);
    const whole = pool.take();
    const slice = pool.take(5);
    pool.give(whole);
    pool.give(slice);
    expect(pool.take(5)).toBe(slice);
    pool.give(slice);
    for (const length of [6, 7, 8, 9]) pool.give(pool.take(length));
    expect(pool.take(5)).not.toBe(slice);
    expect(pool.take()).toBe(whole);
  });

  it("keeps no vectors from elsewhere", () => {
    const pool = new VectorPool(16);
    const pushed = new Float32Array(16);
    pool.give(pushed);
    expect(pool.take()).not.toBe(pushed);
  });
});
