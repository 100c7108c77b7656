/** A worker of another release would compute other bits, silently. */
import { describe, expect, it } from "vitest";
import { releaseProblem } from "../../../src/rpc/index.js";

const problem = (coordinator: string, worker: string, protocol = 1): string | undefined =>
  releaseProblem({ software: coordinator, protocol: 1 }, { software: worker, protocol });

describe("a worker takes part", () => {
  it.each([
    ["0.2.0", "0.2.0"],
    ["0.2.0", "0.2.7"],
    ["1.10.3", "1.10.0"],
    ["1.2.3+build.7", "1.2.4"],
    ["0.2.0-beta.1", "0.2.0-beta.1"],
  ])("in a run of %s with %s", (coordinator, worker) => {
    expect(problem(coordinator, worker)).toBeUndefined();
  });
});

describe("a worker is refused with both releases named", () => {
  it.each([
    ["0.2.0", "0.1.9"],
    ["0.2.0", "0.3.0"],
    ["1.2.0", "2.2.0"],
    ["1.1.0", "1.10.0"],
    ["0.2.0", "0.2.0-beta.1"],
    ["0.2.0-beta.2", "0.2.0-beta.1"],
    ["0.2.0", "0.2"],
    ["0.2.0", ""],
    ["0.2.0", "0.2.0.evil"],
  ])("from a run of %s with %s", (coordinator, worker) => {
    expect(problem(coordinator, worker)).toBe(
      `the coordinator is Coxswain ${coordinator} (protocol 1), the worker Coxswain ${worker} (protocol 1); install the same version on both`,
    );
  });

  it("with a different protocol, whatever its release", () => {
    expect(problem("0.2.0", "0.2.0", 2)).toMatch(/\(protocol 1\), the worker Coxswain 0\.2\.0 \(protocol 2\)/);
  });
});
