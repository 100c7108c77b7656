import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runSchema } from "../../../src/config/schema.js";
import { CoxswainError } from "../../../src/errors.js";
import { stepNumber } from "../../../src/ids.js";
import { learningRateSchedule, warmupSteps, type ScheduleSettings } from "../../../src/optim/index.js";

interface Case {
  readonly lr_scheduler_type: ScheduleSettings["type"];
  readonly lr_scheduler_kwargs: Readonly<Record<string, number | string>>;
  readonly learning_rate: number;
  readonly warmup_steps: number;
  readonly max_steps: number;
  /** The learning rate that each step is made with. */
  readonly values: readonly number[];
}

const golden = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../golden/${path}`, import.meta.url), "utf8"));
const sharedCases = golden("text/schedules.json") as Case[];
const furtherCases = (golden("optim/schedules.json") as { cases: Case[] }).cases;

const settingsOf = (reference: Case): ScheduleSettings => ({
  type: reference.lr_scheduler_type,
  kwargs: reference.lr_scheduler_kwargs,
  learningRate: reference.learning_rate,
  warmupSteps: reference.warmup_steps,
  totalSteps: reference.max_steps,
});

/** The largest relative difference (absolute where the reference is 0). */
function worstDifference(reference: Case): number {
  const rateOf = learningRateSchedule(settingsOf(reference));
  const differences = reference.values.map((expected, index) => {
    const difference = Math.abs(rateOf(stepNumber(index + 1)) - expected);
    return expected === 0 ? difference : difference / Math.abs(expected);
  });
  return Math.max(...differences);
}

function settings(type: ScheduleSettings["type"], kwargs: ScheduleSettings["kwargs"] = {}): ScheduleSettings {
  return { type, kwargs, learningRate: 1e-3, warmupSteps: 4, totalSteps: 20 };
}

function errorOf(broken: ScheduleSettings): CoxswainError {
  try {
    learningRateSchedule(broken);
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("no error");
}

describe("every step uses the learning rate of transformers", () => {
  const named = [...sharedCases, ...furtherCases].map(
    (reference) =>
      [
        `${reference.lr_scheduler_type} ${JSON.stringify(reference.lr_scheduler_kwargs)}, warm-up ${reference.warmup_steps} of ${reference.max_steps}`,
        reference,
      ] as const,
  );

  it.each(named)("%s", (_name, reference) => {
    expect(reference.values).toHaveLength(reference.max_steps);
    // The smallest rates of a cosine are a difference of nearly equal numbers: there an ulp of cos is amplified.
    expect(worstDifference(reference)).toBeLessThanOrEqual(1e-14);
  });

  it("has a reference for every scheduler type of the run file", () => {
    const types = new Set(sharedCases.map((reference) => reference.lr_scheduler_type));
    expect([...types].sort()).toEqual(
      [...runSchema.shape.training.unwrap().shape.lr_scheduler_type.unwrap().options].sort(),
    );
  });
});

describe("warm-up is as long as in transformers", () => {
  const training = (values: object) =>
    runSchema.parse({ model: "m", output_dir: "o", data: { train: "t" }, training: values }).training;

  it("rounds a ratio up, including float error", () => {
    // math.ceil(total * ratio) in Python: 100 * 0.07 is 7.000000000000001.
    expect(warmupSteps(training({ warmup_ratio: 0.05 }), 30)).toBe(2);
    expect(warmupSteps(training({ warmup_ratio: 0.1 }), 20)).toBe(2);
    expect(warmupSteps(training({ warmup_ratio: 0.07 }), 100)).toBe(8);
    expect(warmupSteps(training({}), 100)).toBe(0);
  });

  it("prefers steps to a ratio, even if 0", () => {
    expect(warmupSteps(training({ warmup_ratio: 0.5, warmup_steps: 3 }), 100)).toBe(3);
    expect(warmupSteps(training({ warmup_ratio: 0.5, warmup_steps: 0 }), 100)).toBe(0);
  });
});

describe("an invalid scheduler option is named, with the valid ones", () => {
  it.each([
    ["linear", { min_lr: 1e-5 }, "min_lr", "has no options"],
    ["constant", { num_cycles: 1 }, "num_cycles", "has no options"],
    ["cosine", { min_lr: 1e-5 }, "min_lr", "num_cycles"],
    ["cosine_with_restarts", { cycles: 2 }, "cycles", "num_cycles"],
    ["polynomial", { lr_final: 0 }, "lr_final", "lr_end, power"],
    ["warmup_stable_decay", { num_decay_steps: 3, stable: 1 }, "stable", "num_stable_steps"],
    ["cosine", { num_cycles: "many" }, "num_cycles", "num_cycles"],
    ["cosine", { num_cycles: -1 }, "num_cycles", "num_cycles"],
    ["cosine", { num_cycles: Number.NaN }, "num_cycles", "num_cycles"],
    ["inverse_sqrt", { timescale: 0 }, "timescale", "timescale"],
    ["warmup_stable_decay", { num_decay_steps: 2.5 }, "num_decay_steps", "num_decay_steps"],
    ["warmup_stable_decay", {}, "num_decay_steps", "num_decay_steps"],
    ["warmup_stable_decay", { num_decay_steps: 3, decay_type: "exponential" }, "decay_type", "warmup_type"],
    ["warmup_stable_decay", { num_decay_steps: 3, warmup_type: 1 }, "warmup_type", "decay_type"],
    ["cosine_with_min_lr", {}, "min_lr", "min_lr_rate"],
    ["cosine_with_min_lr", { min_lr: 1e-5, min_lr_rate: 0.1 }, "min_lr", "not both"],
    ["polynomial", { lr_end: 1e-3 }, "lr_end", "training.learning_rate"],
  ] as const)("%s %j", (type, kwargs, key, hint) => {
    const error = errorOf(settings(type, kwargs));
    expect(error.code).toBe("config");
    expect(error.message).toContain(`training.lr_scheduler_kwargs.${key} `);
    expect(error.hint).toContain(hint);
  });

  it("does not divide by a learning rate of zero", () => {
    const stopped = { ...settings("cosine_with_min_lr", { min_lr: 1e-5 }), learningRate: 0 };
    expect(errorOf(stopped).message).toContain("learning_rate");
    expect(learningRateSchedule({ ...stopped, kwargs: { min_lr_rate: 0.1 } })(stepNumber(9))).toBe(0);
  });
});
