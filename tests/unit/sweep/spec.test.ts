import { describe, expect, it } from "vitest";
import { CoxswainError } from "../../../src/errors.js";
import { parseSweep } from "../../../src/sweep/spec.js";

const whole = `run: run.yaml
method: random
trials: 4
parameters:
  training.learning_rate: {min: 1.0e-4, max: 1.0e-2, distribution: log_uniform}
  lora.r: [4, 8]
halving: {eta: 2}
`;

const messageOf = (text: string): string => {
  try {
    parseSweep(text, "sweep.yaml");
  } catch (error) {
    if (error instanceof CoxswainError && error.code === "config") return error.message;
    throw error;
  }
  return "accepted";
};

describe("a sweep file", () => {
  it("is read with its defaults", () => {
    const spec = parseSweep(whole, "sweep.yaml");
    expect(spec).toMatchObject({ run: "run.yaml", metric: "eval_loss", halving: { eta: 2, rungs: 3 } });
    expect(spec.trials).toHaveLength(4);
  });

  it.each([
    ["", "sweep.yaml: the file is empty; `run` and `parameters` are needed"],
    ["model: m\noutput_dir: o\ndata:\n  train: t\n", "sweep.yaml: is a run file; a sweep file names one"],
    ["run: run.yaml\n", "sweep.yaml: parameters: required, but missing"],
    ["parameters:\n  lora.r: [4]\n", "sweep.yaml: run: required, but missing"],
    ["run: r\nparameters:\n  lora.r: []\n", "sweep.yaml:3: parameters.lora.r: must not be an empty list"],
    ["run: r\nparameters:\n  lora.r: [4, 4]\n", "sweep.yaml:3: parameters.lora.r: has the value 4 twice"],
    ["run: r\nparametres:\n  lora.r: [4]\n", 'unknown key (did you mean "parameters"?)'],
    ["run: r\nparameters:\n  lora.r: 4\n", "must be a list of values or a range, not 4"],
    ["run: r\nparameters:\n  lora.r: {min: 4, max: 8, distribution: uniform}\n", 'a range needs method "random"'],
    [whole.replace("max: 1.0e-2", "max: 1.0e-4"), "is an empty range: min 0.0001 is not below max 0.0001"],
    [whole.replace("min: 1.0e-4", "min: 0"), "min must be above 0 for log_uniform, not 0"],
    [whole.replace(", distribution: log_uniform", ""), "needs distribution: log_uniform (rates, ranks) or uniform"],
    [whole.replace("max: 1.0e-2, ", ""), "sweep.yaml:5: parameters.training.learning_rate: needs max"],
    [whole.replace("trials: 4\n", ""), 'trials: required with method "random", but missing'],
    [whole.replace("trials: 4", "trials: 0"), "sweep.yaml:3: trials: must be a whole number, 1 to 10,000, not 0"],
    [whole.replace("method: random", "method: bayes"), 'method: must be "grid" or "random", not "bayes"'],
    [whole.replace("eta: 2", "eta: 9"), "halving: keeps one of 9 trials, and there are 4"],
    [whole.replace("eta: 2", "eta: 2, rungs: 9"), "halving.rungs: must be a whole number, 2 to 3, not 9"],
    [whole.replace("eta:", "factor:"), "halving.factor: unknown key"],
    [whole.replace("lora.r: [4, 8]", "output_dir: [a, b]"), "output_dir: is the same for all trials"],
    [whole.replace("lora.r: [4, 8]", "cluster.token: [a, b]"), "cluster.token: is the same for all trials"],
    ["run: r\nmethod: random\ntrials: 9\nparameters:\n  lora.r: [4, 8]\n", "have only 2 combinations"],
    [whole.replace("lora.r: [4, 8]", "lora.r: {min: 1.5, max: 8, distribution: uniform}"), "must be whole numbers"],
    [`${whole}metric: accuracy\n`, 'metric: must be "eval_loss" or "exact_match", not "accuracy"'],
    ["run: r\nparameters:\n  a: [1\n", "not valid YAML"],
  ])("is refused with line and reason: %j", (text, message) => {
    expect(messageOf(text)).toContain(message);
  });

  it("accepts a range of whole numbers for a key of whole numbers", () => {
    const spec = parseSweep(
      whole.replace("lora.r: [4, 8]", "lora.r: {min: 2, max: 64, distribution: log_uniform}"),
      "sweep.yaml",
    );
    for (const trial of spec.trials) expect(Number.isInteger(trial["lora.r"])).toBe(true);
  });
});
