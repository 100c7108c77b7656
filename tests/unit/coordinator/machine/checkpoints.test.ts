import { describe, expect, it } from "vitest";
import { Checkpoints } from "../../../../src/coordinator/machine/checkpoints.js";
import { CoxswainError } from "../../../../src/errors.js";
import { stepNumber } from "../../../../src/ids.js";

const [three, four, ten] = [stepNumber(3), stepNumber(4), stepNumber(10)];
const saving = (saved?: number) =>
  new Checkpoints({ saveSteps: 2, totalSteps: 9 }, saved === undefined ? undefined : stepNumber(saved));
const full = new CoxswainError("storage", "no space left");

describe("checkpoints", () => {
  it("are written every save_steps, and for the last step, which is marked as the last", () => {
    expect(saving().reached(three)).toEqual([]);
    expect(saving().reached(four)).toEqual([{ type: "save", step: 4, final: false }]);
    expect(saving().reached(stepNumber(9))).toEqual([{ type: "save", step: 9, final: true }]);
  });

  it("that are requested are reported once, and written only if they do not exist or are not in progress", () => {
    const saves = saving();
    saves.ask();
    expect(saves.answer(three)).toEqual([
      { type: "save", step: 3, final: false },
      { type: "checkpoint", step: 3 },
    ]);
    expect(saves.asked).toBe(false);
    expect(saves.answer(three)).toEqual([{ type: "checkpoint", step: 3 }]);
    saves.saved({ type: "saved", step: three });
    expect(saves.busy).toBe(false);
    expect(saves.answer(three)).toEqual([{ type: "checkpoint", step: 3 }]);
  });

  it("at the end are written only for a state that is not saved: not for the initial one", () => {
    expect(saving(3).secure(three)).toEqual([]);
    expect(saving().secure(stepNumber(0))).toEqual([]);
    expect(saving().secure(three)).toEqual([{ type: "save", step: 3, final: false }]);
  });

  it("at the end are not retried if the disk is full, and report the reason", () => {
    const saves = saving();
    saves.secure(ten);
    expect(saves.busy).toBe(true);
    expect(saves.failed({ type: "saveFailed", step: ten, error: full })).toEqual([
      { type: "saveFailed", step: 10, error: full },
    ]);
    expect(saves.busy).toBe(false);
    expect(saves.secure(ten)).toEqual([]);
    expect(saves.errorOf(ten)).toBe(full);
    expect(saves.errorOf(four)).toBeUndefined();
  });

  it("that succeed at the second attempt do not fail the run", () => {
    const saves = saving();
    saves.secure(ten);
    saves.failed({ type: "saveFailed", step: ten, error: full });
    saves.ask();
    saves.answer(ten);
    saves.saved({ type: "saved", step: ten });
    expect(saves.errorOf(ten)).toBeUndefined();
  });
});
