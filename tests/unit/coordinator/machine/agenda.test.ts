import { describe, expect, it } from "vitest";
import { Agenda } from "../../../../src/coordinator/machine/agenda.js";
import type { StepNumber } from "../../../../src/ids.js";
import { stepNumber } from "../../../../src/ids.js";

const settings = { totalSteps: 5, evalSteps: 2, evaluationShards: 3, evaluated: () => false };

/** What a run does, from step `start` to its end. */
function course(
  overrides: Partial<{ evalSteps: null; evaluationShards: number; evaluated: (step: StepNumber) => boolean }>,
  start = stepNumber(0),
) {
  const agenda = new Agenda({ ...settings, ...overrides }, start);
  const done: string[] = [];
  for (let step = start; ;) {
    const task = agenda.next(step);
    if (task === undefined) return done;
    if (task === "train") step = stepNumber(step + 1);
    else agenda.evaluated(step);
    done.push(`${task} ${step}`);
  }
}

describe("a run", () => {
  it("is evaluated every eval_steps and at its end, once each", () => {
    expect(course({})).toEqual([
      "train 1",
      "train 2",
      "evaluate 2",
      "train 3",
      "train 4",
      "evaluate 4",
      "train 5",
      "evaluate 5",
    ]);
    expect(course({ evalSteps: null }).slice(-2)).toEqual(["train 5", "evaluate 5"]);
  });

  it("without an evaluation set is complete after its last step", () => {
    expect(course({ evaluationShards: 0 })).toEqual([1, 2, 3, 4, 5].map((step) => `train ${step}`));
  });

  it("that resumes does not repeat a recorded evaluation", () => {
    expect(course({ evaluated: (step) => step < 5 }, stepNumber(4))).toEqual(["train 5", "evaluate 5"]);
  });

  it("that goes on from before an evaluation makes it again, although it was on record", () => {
    const again = ["train 2", "evaluate 2", "train 3", "train 4", "evaluate 4", "train 5", "evaluate 5"];
    expect(course({ evaluated: (step) => step <= 4 }, stepNumber(1))).toEqual(again);
    const agenda = new Agenda({ ...settings, evaluated: (step) => step <= 4 }, stepNumber(1));
    // A worker has the state after step 2.
    agenda.resume(stepNumber(2));
    expect(agenda.next(stepNumber(2))).toBe("train");
    expect(agenda.next(stepNumber(4))).toBe("evaluate");
  });

  it("makes all its steps before its last evaluation", () => {
    const agenda = new Agenda(settings, stepNumber(0));
    expect(agenda.allStepsDone(stepNumber(4))).toBe(false);
    expect(agenda.allStepsDone(stepNumber(5))).toBe(true);
    expect(agenda.next(stepNumber(5))).toBe("evaluate");
  });
});
