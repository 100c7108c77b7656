/**
 * The learning rate of every step: the schedules of Hugging Face's `transformers` 5 (optimization.py), with its names,
 * defaults and order of operations. A schedule is a pure function of the step.
 */
import type { TrainingConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import type { StepNumber } from "../ids.js";
import { KwargsReader, kwargsError, type ScheduleKwargs } from "./schedule-kwargs.js";
import { stableDecay } from "./stable-decay.js";

export interface ScheduleSettings {
  readonly type: TrainingConfig["lr_scheduler_type"];
  /** `training.lr_scheduler_kwargs`: options of the type, under transformers' names. */
  readonly kwargs: ScheduleKwargs;
  /** The base learning rate, which the schedule multiplies. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** Total optimiser updates of the run. */
  readonly totalSteps: number;
}

/** What the base is multiplied by, `stepsDone` updates (0 at first) into the run. */
type Factor = (stepsDone: number) => number;

/**
 * @returns the learning rate of step k, counted from 1: transformers' value after k - 1 updates
 * @throws CoxswainError "config" for an unknown, missing or invalid option
 */
export function learningRateSchedule(settings: ScheduleSettings): (step: StepNumber) => number {
  const factor = factorOf(settings);
  const { learningRate } = settings;
  return (step) => learningRate * factor(step - 1);
}

/** Warm-up steps: `warmup_steps` if given, otherwise that share of the steps, rounded up. */
export function warmupSteps(training: TrainingConfig, totalSteps: number): number {
  return training.warmup_steps ?? Math.ceil(totalSteps * training.warmup_ratio);
}

/** The factor of each type, with the options that it has. */
function factorOf(settings: ScheduleSettings): Factor {
  const { type, kwargs, warmupSteps } = settings;
  const accepts = (...accepted: string[]): KwargsReader => new KwargsReader(type, kwargs, accepted);
  switch (type) {
    case "constant":
      accepts();
      return () => 1;
    case "constant_with_warmup":
      accepts();
      return afterWarmup(warmupSteps, () => 1);
    case "linear":
      accepts();
      return afterWarmup(warmupSteps, linear(settings));
    case "cosine":
      return afterWarmup(warmupSteps, cosine(settings, 0, accepts("num_cycles").number("num_cycles")));
    case "cosine_with_restarts":
      return afterWarmup(warmupSteps, cosineWithRestarts(settings, accepts("num_cycles")));
    case "cosine_with_min_lr":
      return afterWarmup(warmupSteps, cosineWithMinimum(settings, accepts("num_cycles", "min_lr", "min_lr_rate")));
    case "polynomial":
      return afterWarmup(warmupSteps, polynomial(settings, accepts("lr_end", "power")));
    case "inverse_sqrt":
      return afterWarmup(warmupSteps, inverseSquareRoot(settings, accepts("timescale")));
    case "warmup_stable_decay":
      return stableDecay(settings, kwargs);
    default:
      return unknownType(type);
  }
}

function unknownType(type: never): never {
  throw new CoxswainError("bug", `no schedule of type ${String(type)}`);
}

/** Linear from 0 to 1, then `factor`. */
const afterWarmup =
  (warmup: number, factor: Factor): Factor =>
  (done) =>
    done < warmup ? done / Math.max(1, warmup) : factor(done);

/** Progress between the end of the warm-up (0) and the end of the run (1). */
const progressOf =
  ({ warmupSteps, totalSteps }: ScheduleSettings): Factor =>
  (done) =>
    (done - warmupSteps) / Math.max(1, totalSteps - warmupSteps);

const linear =
  ({ warmupSteps, totalSteps }: ScheduleSettings): Factor =>
  (done) =>
    Math.max(0, (totalSteps - done) / Math.max(1, totalSteps - warmupSteps));

/** @param minimum share of the base that it goes down to */
function cosine(settings: ScheduleSettings, minimum: number, cycles = 0.5): Factor {
  const progress = progressOf(settings);
  return (done) => {
    const factor = 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress(done)));
    return Math.max(0, factor * (1 - minimum) + minimum);
  };
}

function cosineWithRestarts(settings: ScheduleSettings, options: KwargsReader): Factor {
  const progress = progressOf(settings);
  const cycles = options.number("num_cycles") ?? 1;
  return (done) => {
    if (progress(done) >= 1) return 0;
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((cycles * progress(done)) % 1))));
  };
}

function cosineWithMinimum(settings: ScheduleSettings, options: KwargsReader): Factor {
  const cycles = options.number("num_cycles");
  const rate = options.number("min_lr");
  const share = options.number("min_lr_rate");
  const hint = "Set min_lr (a learning rate) or min_lr_rate (a share of training.learning_rate), not both.";
  if (rate === undefined && share === undefined) throw kwargsError("min_lr", "or min_lr_rate is missing", hint);
  if (rate === undefined) return cosine(settings, share ?? 0, cycles);
  if (share !== undefined) throw kwargsError("min_lr", "and min_lr_rate are both set", hint);
  if (settings.learningRate === 0) {
    throw kwargsError("min_lr", "is undefined for a training.learning_rate of 0", "Raise training.learning_rate.");
  }
  return cosine(settings, rate / settings.learningRate, cycles);
}

function polynomial(settings: ScheduleSettings, options: KwargsReader): Factor {
  const { learningRate, warmupSteps, totalSteps } = settings;
  const power = options.number("power") ?? 1;
  const end = options.number("lr_end") ?? 1e-7;
  if (!(learningRate > end)) {
    const hint = "Lower lr_end (by default 1e-7) or raise training.learning_rate.";
    throw kwargsError("lr_end", `(${end}) must be below training.learning_rate (${learningRate})`, hint);
  }
  const decaySteps = totalSteps - warmupSteps;
  return (done) => {
    // The second case, where transformers would divide by zero, is that of a warm-up as long as the run.
    if (done > totalSteps || decaySteps <= 0) return end / learningRate;
    const remaining = 1 - (done - warmupSteps) / decaySteps;
    return ((learningRate - end) * remaining ** power + end) / learningRate;
  };
}

function inverseSquareRoot({ warmupSteps }: ScheduleSettings, options: KwargsReader): Factor {
  const timescale = options.number("timescale", { exclusive: true }) ?? (warmupSteps === 0 ? 10_000 : warmupSteps);
  return (done) => 1 / Math.sqrt((done + (timescale - warmupSteps)) / timescale);
}
