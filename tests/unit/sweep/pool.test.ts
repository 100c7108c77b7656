import { describe, expect, it } from "vitest";
import { trialForWorker } from "../../../src/sweep/pool/assign.js";

describe("a free worker", () => {
  it("goes to a trial that has no worker", () => {
    const open = [
      { id: "a", workers: 1 },
      { id: "b", workers: 0 },
    ];
    expect(trialForWorker(open, true)).toBe("b");
    expect(trialForWorker(open, false)).toBe("b");
  });

  it("waits while more trials are about to open", () => {
    expect(trialForWorker([{ id: "a", workers: 1 }], true)).toBeUndefined();
    expect(trialForWorker([], true)).toBeUndefined();
  });

  it("helps the trial with the fewest workers, the oldest of these, once no more are to open", () => {
    const open = [
      { id: "a", workers: 3 },
      { id: "b", workers: 2 },
      { id: "c", workers: 2 },
    ];
    expect(trialForWorker(open, false)).toBe("b");
  });

  it("waits while there is no trial", () => {
    expect(trialForWorker([], false)).toBeUndefined();
  });
});
