import { describe, expect, it } from "vitest";
import { Checkpoints } from "../../../../src/coordinator/machine/checkpoints.js";
import { CoxswainError } from "../../../../src/errors.js";
import { stepNumber } from "../../../../src/ids.js";

const [three, four, ten] = [stepNumber(3), stepNumber(4), stepNumber(10)];
const saving = (saved?: number) =>
  new Checkpoints({ saveSteps: 2, totalSteps: 9 }, saved === undefined ? undefined : stepNumber(saved));
const full = new CoxswainError("storage", "no space left");

describe("checkpoints", () => {
  it("are of every save_steps, and of the last step, which is said to be the last", () => {
    expect(saving().reached(three)).toEqual([]);
    expect(saving().reached(four)).toEqual([{ type: "save", step: 4, final: false }]);
    expect(saving().reached(stepNumber(9))).toEqual([{ type: "save", step: 9, final: true }]);
  });

  it("that are asked for are given once, and written only where they are not there or under way", () => {
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

  it("at the end are of what is not safe yet: not of what the run began with", () => {
    expect(saving(3).secure(three)).toEqual([]);
    expect(saving().secure(stepNumber(0))).toEqual([]);
    expect(saving().secure(three)).toEqual([{ type: "save", step: 3, final: false }]);
  });

  it("at the end are not tried again where the disk is full, and say why", () => {
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

  it("that could be written the second time are no reason to say that the run failed", () => {
    const saves = saving();
    saves.secure(ten);
    saves.failed({ type: "saveFailed", step: ten, error: full });
    saves.ask();
    saves.answer(ten);
    saves.saved({ type: "saved", step: ten });
    expect(saves.errorOf(ten)).toBeUndefined();
  });
});
