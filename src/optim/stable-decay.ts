/** The schedule `warmup_stable_decay` of transformers 5 (`get_wsd_schedule`): up, level, down, and a floor under it. */
import { KwargsReader, type ScheduleKwargs } from "./schedule-kwargs.js";

const curves = ["linear", "cosine", "1-sqrt"] as const;
type Curve = (typeof curves)[number];

/** The options of the scheduler. */
const accepted = ["num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"];

/** From 0 to 1. */
function rise(curve: Curve, progress: number): number {
  switch (curve) {
    case "linear":
      return progress;
    case "cosine":
      return 0.5 * (1 - Math.cos(Math.PI * progress));
    case "1-sqrt":
      return 1 - Math.sqrt(1 - progress);
  }
}

/** From 1 to 0 (a cosine goes on for `cycles`). */
function fall(curve: Curve, progress: number, cycles: number): number {
  switch (curve) {
    case "linear":
      return 1 - progress;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress));
    case "1-sqrt":
      return 1 - Math.sqrt(progress);
  }
}

/**
 * The factor after so many updates. Steps beyond warm-up, stable phase and decay have the minimum. As in transformers,
 * a stable phase that is not given is what the others leave of the run, and warm-up too begins at the minimum.
 * @throws CoxswainError "config" for options that it doesn't have, lacks or cannot use
 */
export function stableDecay(
  { warmupSteps, totalSteps }: { readonly warmupSteps: number; readonly totalSteps: number },
  kwargs: ScheduleKwargs,
): (stepsDone: number) => number {
  const options = new KwargsReader("warmup_stable_decay", kwargs, accepted);
  const decaySteps = options.requiredNumber("num_decay_steps", { whole: true });
  const stableSteps = options.number("num_stable_steps", { whole: true }) ?? totalSteps - warmupSteps - decaySteps;
  const warmupType = options.choice("warmup_type", curves, "linear");
  const decayType = options.choice("decay_type", curves, "cosine");
  const minimum = options.number("min_lr_ratio") ?? 0;
  const cycles = options.number("num_cycles") ?? 0.5;

  const decayBegins = warmupSteps + stableSteps;
  const aboveMinimum = (factor: number): number => Math.max(0, factor * (1 - minimum) + minimum);
  return (done) => {
    if (done < warmupSteps) return aboveMinimum(rise(warmupType, done / Math.max(1, warmupSteps)));
    if (done < decayBegins) return 1;
    if (done >= decayBegins + decaySteps) return minimum;
    // In this order, as transformers subtracts: a stable phase may be negative where the others fill the run.
    const progress = (done - warmupSteps - stableSteps) / Math.max(1, decaySteps);
    return aboveMinimum(fall(decayType, progress, cycles));
  };
}
