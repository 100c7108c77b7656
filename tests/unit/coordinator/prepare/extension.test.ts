import { describe, expect, it } from "vitest";
import { runSchema } from "../../../../src/config/index.js";
import type { TrainingConfig } from "../../../../src/config/index.js";
import { jsonOf, keptSettings } from "../../../../src/coordinator/prepare/changed-settings.js";
import { configDigest } from "../../../../src/coordinator/prepare/config-digest.js";
import { checkExtension, otherLength } from "../../../../src/coordinator/prepare/extension.js";
import type { RunLength } from "../../../../src/coordinator/prepare/extension.js";
import { learningRateSchedule, warmupSteps } from "../../../../src/optim/index.js";
import { errorOf } from "../../../support/errors.js";

const configOf = (training: object, more: object = {}) =>
  runSchema.parse({ model: "m", output_dir: "o", data: { train: "t" }, training, ...more });

/** Extends a run of 20 steps, of which some are trained. */
function extend(settings: Partial<TrainingConfig>, { trained = 20, steps = 40 } = {}): string {
  const { training } = configOf(settings);
  const planned = (totalSteps: number) => ({
    length: { num_train_epochs: 3, max_steps: totalSteps } satisfies RunLength,
    totalSteps,
    learningRate: learningRateSchedule({
      type: training.lr_scheduler_type,
      kwargs: training.lr_scheduler_kwargs,
      learningRate: training.learning_rate,
      warmupSteps: warmupSteps(training, totalSteps),
      totalSteps,
    }),
  });
  const scheduler = training.lr_scheduler_type;
  return checkExtension({ checkpoint: "c", step: trained, scheduler, before: planned(20), now: planned(steps) });
}

const decay = { lr_scheduler_type: "warmup_stable_decay", lr_scheduler_kwargs: { num_decay_steps: 5 } } as const;

describe("a run can be extended when the learning rates of the trained steps stay the same", () => {
  it.each([
    [{ lr_scheduler_type: "constant" }, 20],
    [{ lr_scheduler_type: "constant_with_warmup", warmup_steps: 4 }, 20],
    [{ lr_scheduler_type: "inverse_sqrt", warmup_steps: 4 }, 20],
    // The decay begins after step 15, and the first step of it has the full rate.
    [decay, 16],
    [{ lr_scheduler_type: "cosine" }, 1],
    [{ lr_scheduler_type: "linear", warmup_steps: 6 }, 7],
  ] as const)("%j after %d steps", (settings, trained) => {
    expect(extend(settings, { trained })).toBe(
      "the run has 40 steps now, with training.max_steps: 40 instead of training.max_steps: 20; it had 20",
    );
  });

  it.each([
    [{ lr_scheduler_type: "cosine" }, 20, "step 2 of the schedule cosine"],
    [{ lr_scheduler_type: "linear", warmup_steps: 6 }, 20, "step 8 of the schedule linear"],
    [{ lr_scheduler_type: "constant_with_warmup", warmup_ratio: 0.1 }, 20, "step 2 of"],
    [decay, 17, "step 17 of the schedule warmup_stable_decay"],
    [{ lr_scheduler_type: "polynomial" }, 20, "step 2 of"],
  ] as const)("and not otherwise: %j after %d steps", (settings, trained, where) => {
    const error = errorOf(() => extend(settings, { trained }));
    expect(error.message).toContain(`c: with training.max_steps: 40 instead of training.max_steps: 20, ${where}`);
    expect(error.message).toMatch(/would have had the learning rate \S+, but it was trained with \S+$/);
    expect(error.hint).toContain("--init-from c");
  });

  it("and shortened down to the trained steps", () => {
    expect(extend({ lr_scheduler_type: "constant" }, { trained: 12, steps: 12 })).toContain("the run has 12 steps now");
    const error = errorOf(() => extend({ lr_scheduler_type: "constant" }, { trained: 12, steps: 11 }));
    expect(error.message).toContain("the run would have ended after step 11");
  });
});

describe("the length that a checkpoint's run had", () => {
  const checkpointOf = (config: ReturnType<typeof configOf>) => ({
    config_digest: configDigest(config),
    settings: jsonOf(keptSettings(config)),
  });

  it("is known when nothing else has changed", () => {
    const trainer = checkpointOf(configOf({ num_train_epochs: 3 }));
    expect(otherLength(configOf({ num_train_epochs: 5 }), trainer)).toEqual({ num_train_epochs: 3, max_steps: null });
    expect(otherLength(configOf({ max_steps: 9 }), trainer)).toEqual({ num_train_epochs: 3, max_steps: null });
    expect(otherLength(configOf({ num_train_epochs: 5 }, { seed: 7 }), trainer)).toBeUndefined();
    expect(otherLength(configOf({ num_train_epochs: 5 }), { ...trainer, settings: undefined })).toBeUndefined();
  });

  it("is compared by a digest that settings of evaluation do not change", () => {
    const plain = configDigest(configOf({}));
    // That of the release before these settings existed: its checkpoints must stay usable.
    expect(plain).toBe("5b995ec91e6e1528f3af0316b8485a4a196c8c6e2498fa331c2bccc6bbc7ad24");
    const evaluated = { data: { train: "t", eval: "e" } };
    const compared = configOf({ eval_steps: 2, metric_for_best_model: "eval_loss" }, evaluated);
    const patient = configOf(
      { eval_steps: 3, metric_for_best_model: "eval_loss", early_stopping_patience: 4, load_best_model_at_end: true },
      evaluated,
    );
    expect(configDigest(compared)).not.toBe(plain);
    expect(configDigest(patient)).toBe(configDigest(compared));
  });
});
