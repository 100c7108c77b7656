/**
 * Successive halving (Jamieson and Talwalkar, 2016, "Non-stochastic Best Arm Identification and Hyperparameter
 * Optimization"): all trials are trained to a first rung, a part of the run; one in `eta` goes on to the next rung,
 * which is `eta` times as long; the last rung is the end of the run. Pure.
 *
 * ASHA (Li et al., 2020) promotes a trial as soon as it is among the best of those that happen to be there, so its
 * outcome depends on how fast each machine is. Here a rung is decided once all of its trials are there: the outcome
 * depends on the results only, and is the same after any interruption. No worker is idle meanwhile, since workers without
 * a trial help with the others.
 */
export interface Halving {
  /** One trial in `eta` is promoted. */
  readonly eta: number;
  /** Number of rungs, including the end of the run. */
  readonly rungs: number;
}

/** How a trial arrived at a rung. */
export type Arrival = "reached" | "diverged" | "failed" | "stopped";

export interface Result {
  readonly trial: number;
  /** From 0. */
  readonly rung: number;
  readonly outcome: Arrival;
  /** The metric there, if it was reached. */
  readonly value: number | null;
}

/** A trial is to be trained up to a rung. */
export interface Job {
  readonly trial: number;
  readonly rung: number;
}

export interface Rules {
  readonly trials: number;
  /** Undefined: every trial is trained to its end, which is rung 0. */
  readonly halving: Halving | undefined;
  /** Whether lower values are better. */
  readonly lowerIsBetter: boolean;
}

/** As many rungs as there are promotions until one trial is left. */
export const defaultRungs = (trials: number, eta: number): number =>
  Math.max(2, Math.floor(Math.log(trials) / Math.log(eta) + 1e-9) + 1);

export const rungsOf = ({ halving }: Pick<Rules, "halving">): number => halving?.rungs ?? 1;

/** The share of the run at which a rung is. */
export const rungShare = (rules: Pick<Rules, "halving">, rung: number): number =>
  rules.halving === undefined ? 1 : rules.halving.eta ** (rung - (rules.halving.rungs - 1));

/**
 * The step of a rung. With `eval_steps` it is one that is evaluated anyway, so that the trial is an ordinary run.
 * @param evalSteps `training.eval_steps`
 */
export function rungStep(
  rules: Pick<Rules, "halving">,
  rung: number,
  { totalSteps, evalSteps }: { readonly totalSteps: number; readonly evalSteps: number | null },
): number {
  const step = Math.ceil(totalSteps * rungShare(rules, rung) - 1e-9);
  const aligned = evalSteps === null ? step : Math.ceil(step / evalSteps) * evalSteps;
  return Math.max(1, Math.min(totalSteps, aligned));
}

/** The trials of a rung: all of them, or those that are promoted; undefined until the rung before is decided. */
export function trialsOf(rung: number, results: readonly Result[], rules: Rules): readonly number[] | undefined {
  let trials: readonly number[] = Array.from({ length: rules.trials }, (_, index) => index);
  const eta = rules.halving?.eta ?? 1;
  for (let before = 0; before < rung; before++) {
    const there = arrivedAt(results, before);
    const arrived = trials.map((trial) => there.get(trial)).filter((result) => result !== undefined);
    if (arrived.length < trials.length) return undefined;
    const places = Math.max(1, Math.floor(trials.length / eta));
    const promoted = ranking(arrived, rules).slice(0, places);
    trials = promoted.map(({ trial }) => trial).sort((one, other) => one - other);
  }
  return trials;
}

const arrivedAt = (results: readonly Result[], rung: number): ReadonlyMap<number, Result> =>
  new Map(results.filter((result) => result.rung === rung).map((result) => [result.trial, result]));

/** Results with a value, the best first; equal ones by trial. */
export function ranking<Arrived extends Result>(
  results: readonly Arrived[],
  { lowerIsBetter }: Pick<Rules, "lowerIsBetter">,
): readonly Arrived[] {
  const sign = lowerIsBetter ? 1 : -1;
  return results
    .filter(({ outcome, value }) => outcome === "reached" && value !== null)
    .sort((one, other) => sign * ((one.value ?? 0) - (other.value ?? 0)) || one.trial - other.trial);
}

/** What is to be trained now, in order: the open trials of the newest rung. Empty: the sweep is complete. */
export function openJobs(results: readonly Result[], rules: Rules): readonly Job[] {
  const rung = newestRung(results, rules);
  const there = arrivedAt(results, rung);
  return (trialsOf(rung, results, rules) ?? []).filter((trial) => !there.has(trial)).map((trial) => ({ trial, rung }));
}

/** The rung that is being trained; the last one when the sweep is complete. */
export function newestRung(results: readonly Result[], rules: Rules): number {
  let rung = 0;
  while (rung + 1 < rungsOf(rules) && trialsOf(rung + 1, results, rules) !== undefined) rung++;
  return rung;
}

/** The best trial among those that were trained to their end; undefined: none was. */
export function bestResult<Arrived extends Result>(results: readonly Arrived[], rules: Rules): Arrived | undefined {
  const last = rungsOf(rules) - 1;
  return ranking(
    results.filter(({ rung }) => rung === last),
    rules,
  )[0];
}
