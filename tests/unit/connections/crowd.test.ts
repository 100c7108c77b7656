/** Which connection gives way when there are too many. */
import { describe, expect, it } from "vitest";
import { Crowd } from "../../../src/connections/index.js";

describe("the connection that gives way", () => {
  it("is the oldest of the address that has the most", () => {
    const crowd = new Crowd<string>();
    crowd.add("honest", "probe");
    crowd.add("crowded", "first");
    crowd.add("crowded", "second");
    expect(crowd.givesWay()).toBe("first");
    crowd.remove("crowded", "first");
    crowd.add("honest", "later");
    expect(crowd.givesWay()).toBe("probe");
  });

  it("is rather one that is spare, if the address has one", () => {
    const crowd = new Crowd<string>();
    for (const name of ["busy", "idle", "other"]) crowd.add("a", name);
    expect(crowd.givesWay((name) => name === "idle")).toBe("idle");
    expect(crowd.givesWay(() => false)).toBe("busy");
  });

  it("is none where there is none, and removing it twice counts once", () => {
    const crowd = new Crowd<string>();
    expect(crowd.givesWay()).toBeUndefined();
    crowd.add("a", "x");
    crowd.remove("a", "x");
    crowd.remove("a", "x");
    expect([crowd.size, ...crowd]).toEqual([0]);
  });
});
