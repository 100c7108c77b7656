import { describe, expect, it } from "vitest";
import { Commits } from "../../../../src/coordinator/machine/commits.js";
import type { HeldReplica } from "../../../../src/coordinator/machine/index.js";
import { stepNumber } from "../../../../src/ids.js";

const held = (step: number, hash = `h${step}`): HeldReplica => ({ step: stepNumber(step), hash });

/** Steps 1 to `newest` are committed. */
function committed(newest: number): Commits {
  const commits = new Commits(held(0));
  for (let step = 1; step <= newest; step++) commits.commit(held(step));
  return commits;
}

describe("a replica", () => {
  it("is distinguished from ours by its hash, even for a step that was not committed", () => {
    const commits = committed(3);
    expect(commits.compare(held(3))).toBe("equal");
    expect(commits.compare(held(2))).toBe("equal");
    expect(commits.compare(held(3, "other"))).toBe("different");
    expect(commits.compare(held(4))).toBe("different");
    expect([held(3), held(2), held(3, "other"), undefined].map((some) => commits.isNewest(some))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it("of an old step is not checked: a late report is no mismatch", () => {
    const commits = committed(17);
    expect(commits.compare(held(1, "other"))).toBe("unknown");
    expect(commits.compare(held(2, "other"))).toBe("different");
  });
});

describe("a step", () => {
  it("is held outside the coordinator once a worker has it, which is reported once", () => {
    const commits = committed(1);
    expect(commits.replicated).toBe(false);
    expect(commits.replicate()).toBe(true);
    expect(commits.replicate()).toBe(false);
    expect(commits.replicated).toBe(true);
  });

  it("that was taken over from a worker is the newest, and that worker holds it", () => {
    const commits = committed(0);
    commits.adopt(held(7));
    expect(commits.newest).toBe(7);
    expect(commits.replicated).toBe(true);
    expect(commits.isNewest(held(7))).toBe(true);
  });
});
