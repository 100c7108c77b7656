import { describe, expect, it } from "vitest";
import {
  bestResult,
  defaultRungs,
  newestRung,
  openJobs,
  rungStep,
  trialsOf,
  type Result,
  type Rules,
} from "../../../src/sweep/halving.js";

const rules: Rules = { trials: 8, halving: { eta: 2, rungs: 3 }, lowerIsBetter: true };

const reached = (trial: number, rung: number, value: number): Result => {
  return { trial, rung, outcome: "reached", value };
};
const diverged = (trial: number, rung: number): Result => ({ trial, rung, outcome: "diverged", value: null });

const losses = [0.5, 0.1, 0.9, 0.3, 0.7, 0.2, 0.8, 0.6];
const firstRung = losses.map((value, trial) => reached(trial, 0, value));

describe("successive halving", () => {
  it("begins with all trials", () => {
    expect(openJobs([], rules)).toEqual(losses.map((_, trial) => ({ trial, rung: 0 })));
  });

  it("does not decide a rung before all of its trials are there", () => {
    expect(openJobs(firstRung.slice(0, 7), rules)).toEqual([{ trial: 7, rung: 0 }]);
    expect(trialsOf(1, firstRung.slice(0, 7), rules)).toBeUndefined();
  });

  it("promotes one in eta, the best, in the order of the trials", () => {
    expect(openJobs(firstRung, rules).map(({ trial }) => trial)).toEqual([0, 1, 3, 5]);
    expect(newestRung(firstRung, rules)).toBe(1);
  });

  it("depends on the results, not on their order", () => {
    const shuffled = [...firstRung].reverse();
    expect(openJobs(shuffled, rules)).toEqual(openJobs(firstRung, rules));
  });

  it("promotes higher values where those are better", () => {
    const higher = { ...rules, lowerIsBetter: false };
    expect(openJobs(firstRung, higher).map(({ trial }) => trial)).toEqual([2, 4, 6, 7]);
  });

  it("breaks ties by the number of the trial", () => {
    const equal = losses.map((_, trial) => reached(trial, 0, 1));
    expect(openJobs(equal, rules).map(({ trial }) => trial)).toEqual([0, 1, 2, 3]);
  });

  it("promotes no trial that diverged, even if places stay empty", () => {
    const results = losses.map((value, trial) => (trial < 6 ? diverged(trial, 0) : reached(trial, 0, value)));
    expect(openJobs(results, rules).map(({ trial }) => trial)).toEqual([6, 7]);
  });

  it("is complete without a best trial when all diverged", () => {
    const results = losses.map((_, trial) => diverged(trial, 0));
    expect(openJobs(results, rules)).toEqual([]);
    expect(bestResult(results, rules)).toBeUndefined();
  });

  it("takes the best from the last rung, whatever earlier rungs measured", () => {
    const results = [
      ...firstRung,
      ...[0, 1, 3, 5].map((trial) => reached(trial, 1, trial)),
      reached(0, 2, 0.4),
      reached(1, 2, 0.35),
    ];
    expect(openJobs(results, rules)).toEqual([]);
    expect(bestResult(results, rules)?.trial).toBe(1);
  });

  it("trains every trial to its end where there is no halving", () => {
    const plain: Rules = { trials: 2, halving: undefined, lowerIsBetter: true };
    expect(openJobs([], plain)).toHaveLength(2);
    const results = [reached(0, 0, 2), reached(1, 0, 1)];
    expect(openJobs(results, plain)).toEqual([]);
    expect(bestResult(results, plain)?.trial).toBe(1);
  });

  it("gives the same jobs after any interruption: random orders and prefixes", () => {
    // A linear congruential generator: the seed is fixed.
    let state = 7;
    const random = (): number => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
    for (let round = 0; round < 200; round++) {
      const values = losses.map(() => random());
      const inOrder = (pick: (jobs: readonly { trial: number; rung: number }[]) => number): readonly Result[] => {
        const results: Result[] = [];
        for (;;) {
          const jobs = openJobs(results, rules);
          const job = jobs[pick(jobs)];
          if (job === undefined) return results;
          results.push(reached(job.trial, job.rung, (values[job.trial] ?? 0) / (job.rung + 1)));
        }
      };
      const first = inOrder(() => 0);
      const other = inOrder((jobs) => Math.floor(random() * jobs.length));
      expect(bestResult(other, rules)).toEqual(bestResult(first, rules));
      expect(new Set(other.map((each) => JSON.stringify(each)))).toEqual(
        new Set(first.map((each) => JSON.stringify(each))),
      );
    }
  });
});

describe("rungs", () => {
  it("are as many as there are promotions until one trial is left", () => {
    expect([2, 3, 4, 8, 9, 27, 64].map((trials) => defaultRungs(trials, 2))).toEqual([2, 2, 3, 4, 4, 5, 7]);
    expect([3, 8, 9, 27].map((trials) => defaultRungs(trials, 3))).toEqual([2, 2, 3, 4]);
  });

  it("are each eta times as long as the one before, and the last is the end of the run", () => {
    const plan = { totalSteps: 200, evalSteps: null };
    expect([0, 1, 2].map((rung) => rungStep(rules, rung, plan))).toEqual([50, 100, 200]);
  });

  it("are at evaluations where the run has its own", () => {
    const plan = { totalSteps: 200, evalSteps: 30 };
    expect([0, 1, 2].map((rung) => rungStep(rules, rung, plan))).toEqual([60, 120, 200]);
  });

  it("are at least one step into the run", () => {
    expect(rungStep({ halving: { eta: 4, rungs: 4 } }, 0, { totalSteps: 3, evalSteps: null })).toBe(1);
  });
});
