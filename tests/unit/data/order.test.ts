/** Without this, a sample is used twice or never in an epoch, or a resumed run sees other data. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stepPlan, type StepPlanOptions } from "../../../src/data/index.js";
import { stepNumber } from "../../../src/ids.js";
import { expectError } from "./matchers.js";

const base: StepPlanOptions = { rows: 10, globalBatchSize: 4, seed: 42, shuffle: true, maxSteps: null, epochs: 2 };

const allRows = (options: StepPlanOptions): { rows: readonly number[]; epoch: number }[] => {
  const plan = stepPlan(options);
  return Array.from({ length: plan.totalSteps }, (_, index) => plan.rowsOf(stepNumber(index + 1)));
};

const planOptions = fc.record({
  rows: fc.integer({ min: 1, max: 300 }),
  globalBatchSize: fc.integer({ min: 1, max: 64 }),
  seed: fc.maxSafeNat(),
  shuffle: fc.boolean(),
  maxSteps: fc.constant(null),
  epochs: fc.integer({ min: 1, max: 3 }),
});

describe("the plan of steps", () => {
  it("uses every row exactly once per epoch, in batches of the global size except the last", () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        const { stepsPerEpoch, totalSteps } = stepPlan(options);
        const steps = allRows(options);
        expect(totalSteps).toBe(stepsPerEpoch * options.epochs);
        for (let epoch = 0; epoch < options.epochs; epoch++) {
          const part = steps.slice(epoch * stepsPerEpoch, (epoch + 1) * stepsPerEpoch);
          const used = part.flatMap(({ rows }) => rows).sort((a, b) => a - b);
          expect(used).toEqual(Array.from({ length: options.rows }, (_, row) => row));
          for (const { rows } of part.slice(0, -1)) expect(rows).toHaveLength(options.globalBatchSize);
          expect(part.at(-1)?.epoch).toBe(epoch + 1);
        }
      }),
    );
  });

  it("gives the rows of any step independently of earlier calls", () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        const forwards = allRows(options);
        const plan = stepPlan(options);
        const backwards = forwards.map((_, index) => plan.rowsOf(stepNumber(forwards.length - index)));
        expect(backwards.reverse()).toEqual(forwards);
      }),
    );
  });

  it("shuffles differently for each epoch and seed", () => {
    const order = (options: Partial<StepPlanOptions>, epoch: number): string =>
      allRows({ ...base, rows: 50, ...options })
        .slice(epoch * 13, epoch * 13 + 13)
        .flatMap(({ rows }) => rows)
        .join();
    const orders = [order({}, 0), order({}, 1), order({ seed: 43 }, 0), order({ shuffle: false }, 0)];
    expect(new Set(orders).size).toBe(4);
    expect(order({}, 0)).toBe(order({ globalBatchSize: 4, epochs: 7 }, 0));
  });

  it("shuffles uniformly (10,000 shuffles of 5 rows)", () => {
    let home = 0;
    for (let seed = 0; seed < 10_000; seed++) {
      if (allRows({ ...base, seed, rows: 5, globalBatchSize: 5, epochs: 1 })[0]?.rows[0] === 0) home++;
    }
    // Expected 2000; standard deviation 40.
    expect(Math.abs(home - 2000)).toBeLessThan(160);
  });

  it("keeps the file's order in every epoch without shuffle", () => {
    expect(allRows({ ...base, shuffle: false }).map(({ rows }) => rows)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
  });

  it("counts steps as transformers does", () => {
    // transformers.Trainer.set_initial_training_values: ceil(epochs * updates an epoch), max_steps first.
    const total = (options: Partial<StepPlanOptions>): number => stepPlan({ ...base, ...options }).totalSteps;
    expect(total({ epochs: 1 })).toBe(3);
    expect(total({ epochs: 1.5 })).toBe(5);
    expect(total({ epochs: 0.1 })).toBe(1);
    expect(total({ maxSteps: 7, epochs: 1 })).toBe(7);
    expect(total({ rows: 8, epochs: 2 })).toBe(4);
  });

  it("reports the epoch as transformers does, in micro-batches", () => {
    // 9 rows in micro-batches of 2: 5 of them; updates after 2, 4 and 5.
    const epochs = allRows({ ...base, rows: 9, microBatchSize: 2 }).map(({ epoch }) => epoch);
    expect(epochs).toEqual([0.4, 0.8, 1, 1.4, 1.8, 2]);
  });

  it("rejects a step beyond the run", () => {
    const plan = stepPlan(base);
    expectError(() => plan.rowsOf(stepNumber(0)), "bug", /step 0/);
    expectError(() => plan.rowsOf(stepNumber(7)), "bug", /step 7 is not one of 1 to 6/);
  });
});
