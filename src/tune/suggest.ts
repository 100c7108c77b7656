/**
 * Reads a learning rate from the curve of a range test, by two published rules. Pure.
 *
 * - steepest: the rate at which the smoothed loss falls fastest (Smith 2017; fastai's `steep`, Lightning's suggestion).
 * - tenth: a tenth of the rate from which on the smoothed loss rises and diverges, which is where it is lowest (fastai's
 *   `minimum`).
 *
 * The tenth is suggested where there is one. The steepest fall is where training begins to be fast, and depends on how
 * soon: it lies lower the longer the ramp stays at each rate. The end of the useful rates depends less on it.
 */
import type { CurvePoint } from "./range-test.js";

export type SuggestionRule = "steepest" | "tenth";

export interface Suggestion {
  /** Undefined if the loss did not fall. */
  readonly steepest: number | undefined;
  /** A tenth of `turn`; undefined if the loss did not rise again. */
  readonly tenth: number | undefined;
  /** The rate of the lowest smoothed loss, from which on it rises; undefined if it did not rise again. */
  readonly turn: number | undefined;
  /** Two significant digits; undefined if the curve supports no rate. */
  readonly learningRate: number | undefined;
  readonly rule: SuggestionRule | undefined;
  /** One sentence: why this rate, or why none. */
  readonly reason: string;
}

/** The first tenth is passed over, where the mean is still that of a few losses: Lightning's `skip_begin`, 10 of 100. */
const skipped = 0.1;
/** A fall by less than this share of the loss is taken as noise, and so is a rise. */
const noise = 0.05;

/**
 * @param points in the order of steps
 * @param divergedAt the rate at which the test stopped
 * @param steps that were planned
 */
export function suggestRate(points: readonly CurvePoint[], divergedAt: number | undefined, steps: number): Suggestion {
  const first = Math.max(1, Math.floor(steps * skipped));
  const before = points.slice(0, first);
  const after = points.slice(first);
  if (after.length === 0) {
    return nothing(`the loss diverged within the first ${first} steps: start lower, with --from`);
  }
  const start = before.reduce((sum, { loss }) => sum + loss, 0) / before.length;
  const lowest = after.reduce((best, point) => (point.smoothedLoss < best.smoothedLoss ? point : best));
  if (lowest.smoothedLoss > (1 - noise) * start) {
    const where =
      divergedAt === undefined ? "raise --to" : "take more --steps, or check the data with coxswain preview";
    return nothing(`the loss did not fall by ${100 * noise} % at any of these rates: ${where}`);
  }
  const steepest = steepestRate(points, first, lowest);
  const last = points.at(-1)?.smoothedLoss ?? Number.NaN;
  if (divergedAt === undefined && last < (1 + noise) * lowest.smoothedLoss) {
    const learningRate = twoDigits(steepest);
    const reason =
      "the loss falls fastest there; it did not rise again up to --to, so there is no rate that is too high";
    return { steepest, tenth: undefined, turn: undefined, learningRate, rule: "steepest", reason };
  }
  const turn = lowest.learningRate;
  const tenth = turn / 10;
  const reason = `a tenth of ${short(turn)}, from where on the loss rises${divergedAt === undefined ? "" : " and diverges"}`;
  return { steepest, tenth, turn, learningRate: twoDigits(tenth), rule: "tenth", reason };
}

const nothing = (reason: string): Suggestion => ({
  steepest: undefined,
  tenth: undefined,
  turn: undefined,
  learningRate: undefined,
  rule: undefined,
  reason,
});

/** The rates are evenly spaced in their logarithm, so differences of neighbours are slopes. */
function steepestRate(points: readonly CurvePoint[], first: number, lowest: CurvePoint): number {
  let fall = Number.POSITIVE_INFINITY;
  let rate = lowest.learningRate;
  for (let index = first + 1; index < lowest.step; index++) {
    const [left, right] = [points[index - 1], points[index]];
    if (left === undefined || right === undefined) continue;
    const change = right.smoothedLoss - left.smoothedLoss;
    if (change < fall) {
      fall = change;
      rate = right.learningRate;
    }
  }
  return rate;
}

const twoDigits = (rate: number): number => Number(rate.toExponential(1));

/** "1.9e-3" */
export const short = (rate: number): string => rate.toExponential(1);
