/**
 * Whether a resumed run may have another number of steps. It may if it is then the run that would have had that number from
 * the start: the learning rates of the steps that were taken must be the same. The rows of a step do not depend on the
 * number of steps. Pure.
 */
import type { RunConfig, TrainingConfig } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { stepNumber } from "../../ids.js";
import type { StepNumber } from "../../ids.js";
import type { TrainerState } from "../checkpoints/index.js";
import { configDigest } from "./config-digest.js";

/** The keys that determine the number of steps. */
export type RunLength = Pick<TrainingConfig, "num_train_epochs" | "max_steps">;

/** The length that the checkpoint's run had, if that is the only setting that has changed. */
export function otherLength(
  config: RunConfig,
  trainer: Pick<TrainerState, "config_digest" | "settings">,
): RunLength | undefined {
  const epochs = trainer.settings?.["training.num_train_epochs"];
  const steps = trainer.settings?.["training.max_steps"];
  if (typeof epochs !== "number" || (steps !== null && typeof steps !== "number")) return undefined;
  const length = { num_train_epochs: epochs, max_steps: steps };
  const before = { ...config, training: { ...config.training, ...length } };
  return configDigest(before) === trainer.config_digest ? length : undefined;
}

/** A run of a certain number of steps. */
export interface PlannedLength {
  readonly length: RunLength;
  readonly totalSteps: number;
  readonly learningRate: (step: StepNumber) => number;
}

export interface Extension {
  /** The checkpoint's path. */
  readonly checkpoint: string;
  /** Its step. */
  readonly step: number;
  readonly scheduler: TrainingConfig["lr_scheduler_type"];
  readonly before: PlannedLength;
  readonly now: PlannedLength;
}

/**
 * @returns a note for the user
 * @throws CoxswainError "config" if the steps that were taken would have been others
 */
export function checkExtension({ checkpoint, step, scheduler, before, now }: Extension): string {
  const change = `${lengthText(now.length)} instead of ${lengthText(before.length)}`;
  if (now.totalSteps < step) {
    throw new CoxswainError(
      "config",
      `${checkpoint}: with ${change}, the run would have ended after step ${now.totalSteps}`,
      { hint: `${step} steps are trained: set a length of at least ${step} steps.` },
    );
  }
  const changed = firstChanged(step, before, now);
  if (changed === undefined)
    return `the run has ${now.totalSteps} steps now, with ${change}; it had ${before.totalSteps}`;
  const [rate, wanted] = [before.learningRate(changed), now.learningRate(changed)];
  throw new CoxswainError(
    "config",
    `${checkpoint}: with ${change}, step ${changed} of the schedule ${scheduler} would have had the learning rate ` +
      `${rateText(wanted)}, but it was trained with ${rateText(rate)}`,
    {
      hint:
        "A run can be extended while its schedule does not depend on its length: constant, or constant_with_warmup and " +
        "inverse_sqrt with training.warmup_steps, or warmup_stable_decay before its decay. " +
        `--init-from ${checkpoint} starts a new run from this state with a schedule of its own, in another output_dir.`,
    },
  );
}

function firstChanged(steps: number, before: PlannedLength, now: PlannedLength): StepNumber | undefined {
  for (let step = 1; step <= steps; step++) {
    const number = stepNumber(step);
    if (before.learningRate(number) !== now.learningRate(number)) return number;
  }
  return undefined;
}

const lengthText = ({ num_train_epochs: epochs, max_steps: steps }: RunLength): string =>
  steps === null ? `training.num_train_epochs: ${epochs}` : `training.max_steps: ${steps}`;

const rateText = (rate: number): string => (rate === 0 ? "0" : rate.toExponential(4));
