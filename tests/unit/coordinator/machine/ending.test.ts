import { describe, expect, it } from "vitest";
import { Ending } from "../../../../src/coordinator/machine/ending.js";
import { CoxswainError } from "../../../../src/errors.js";

const full = new CoxswainError("storage", "no space left");
const broken = new CoxswainError("config", "the loss is NaN");

describe("a run", () => {
  it("that was stopped reports the first reason, and whether it returns", () => {
    const ending = new Ending();
    ending.stop({ type: "stop", reason: "moved", returning: true });
    ending.stop({ type: "stop", reason: "too late", returning: false });
    expect(ending.reason).toBe("moved");
    expect(ending.conclude(false, undefined)).toEqual({ kind: "stopped", reason: "moved", returning: true });
    expect(ending.outcome).toEqual({ kind: "stopped", reason: "moved", returning: true });
  });

  it("that was stopped after its last step is complete", () => {
    const ending = new Ending();
    ending.stop({ type: "stop", reason: "asked to", returning: false });
    expect(ending.conclude(true, undefined)).toEqual({ kind: "completed" });
  });

  it("whose last state is not on disk has failed, even after its last step", () => {
    expect(new Ending().conclude(true, full)).toEqual({ kind: "failed", error: full });
  });

  it("that failed reports the cause, not its consequences", () => {
    const ending = new Ending();
    ending.stop({ type: "stop", reason: "asked to", returning: false });
    ending.fail(broken);
    ending.fail(full);
    expect(ending.reason).toBe("the loss is NaN");
    expect(ending.conclude(false, full)).toEqual({ kind: "failed", error: broken });
  });
});
