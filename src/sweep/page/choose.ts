/** Which trials are best so far, and whose curves are drawn. Pure. */
import type { SweepStatus, TrialStatus } from "../status.js";

/** More curves cannot be told apart. */
export const mostCurves = 12;
/** The best trials, beside those in training. */
const mostBest = 4;

/** Trials with a result, the best first: of those on the furthest rung, then of the one before. */
export function rankedTrials({ trials, metric }: Pick<SweepStatus, "trials" | "metric">): readonly TrialStatus[] {
  const sign = metric === "eval_loss" ? 1 : -1;
  return trials
    .filter(({ value }) => value !== null)
    .sort(
      (one, other) =>
        (other.rung ?? 0) - (one.rung ?? 0) ||
        sign * ((one.value ?? 0) - (other.value ?? 0)) ||
        one.trial - other.trial,
    );
}

/** The best first, then those in training. */
export function trialsDrawn(status: Pick<SweepStatus, "trials" | "metric">): readonly number[] {
  const best = rankedTrials(status)
    .slice(0, mostBest)
    .map(({ trial }) => trial);
  const running = status.trials
    .filter(({ state }) => state === "training" || state === "starting")
    .map(({ trial }) => trial);
  return [...new Set([...best, ...running])].slice(0, mostCurves);
}
