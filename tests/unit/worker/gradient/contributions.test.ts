import { describe, expect, it } from "vitest";
import { shardIndex } from "../../../../src/ids.js";
import { VectorPool } from "../../../../src/collective/index.js";
import { Contributions } from "../../../../src/worker/gradient/contributions.js";

const node = (first: number, count: number) => ({ first: shardIndex(first), count });

describe("a contribution's vector", () => {
  it("outlives its step while it is being sent", () => {
    const pool = new VectorPool(4);
    const contributions = new Contributions(pool);
    const vector = pool.take();
    contributions.put(1, node(0, 2), vector);
    const done = pool.hold(vector);
    contributions.release(1);
    expect(contributions.get(1, node(0, 2))).toBeUndefined();
    expect(pool.take()).not.toBe(vector);
    done();
    expect(pool.take()).toBe(vector);
  });

  it("is released when the step is final, or the same node is put again", () => {
    const pool = new VectorPool(2);
    const contributions = new Contributions(pool);
    const [old, fresh, later] = [pool.take(), pool.take(), pool.take()];
    contributions.put(1, node(0, 1), old);
    contributions.put(1, node(0, 1), fresh);
    contributions.put(1, node(0, 1), fresh);
    contributions.put(2, node(0, 1), later);
    expect(pool.take()).toBe(old);
    contributions.release(1);
    expect(pool.take()).toBe(fresh);
    expect(contributions.get(2, node(0, 1))).toBe(later);
  });
});
