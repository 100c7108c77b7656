/** How many workers may join, and when. */
import { describe, expect, it } from "vitest";
import { Entrance } from "../../../../src/coordinator/service/entrance.js";

describe("workers that join", () => {
  it("do so immediately, as many as may in a second, then one after another", () => {
    const entrance = new Entrance({ maxWorkers: 10, joinsPerSecond: 4 }, { now: () => 0 });
    expect(Array.from({ length: 7 }, () => entrance.wait())).toEqual([0, 0, 0, 0, 250, 500, 750]);
  });

  it("do so immediately again after a while", () => {
    let now = 0;
    const entrance = new Entrance({ maxWorkers: 10, joinsPerSecond: 4 }, { now: () => now });
    for (let index = 0; index < 8; index++) entrance.wait();
    now = 2000;
    expect(Array.from({ length: 5 }, () => entrance.wait())).toEqual([0, 0, 0, 0, 250]);
  });

  it("are all in within 5.2 s where 512 come at the same moment", () => {
    const entrance = new Entrance({ maxWorkers: 1024, joinsPerSecond: 100 }, { now: () => 0 });
    const waits = Array.from({ length: 512 }, () => entrance.wait());
    expect(Math.max(...waits)).toBe(4120);
  });

  it("are refused when the run has enough", () => {
    const entrance = new Entrance({ maxWorkers: 2, joinsPerSecond: 100 }, { now: () => 0 });
    expect(entrance.refusal(1)).toBeUndefined();
    expect(entrance.refusal(2)).toBe("the run has 2 workers, as many as cluster.limits allows");
  });
});
