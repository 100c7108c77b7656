/** The page's data about the sweep: a snapshot and the updates since. Independent of the browser. */
import type { ShownCurve, SweepSnapshot, SweepUpdate } from "../messages.js";

export type Shown = SweepSnapshot;

/** Nothing more will come. */
export const isOver = ({ status: { state } }: Shown): boolean =>
  state === "completed" || state === "stopped" || state === "failed";

export function updated(shown: Shown, { status, trials = [], drawn, tails = [] }: SweepUpdate): Shown {
  const changed = new Map(trials.map((trial) => [trial.trial, trial]));
  const known = new Map(shown.curves.map(({ trial, points }) => [trial, points]));
  const tailOf = new Map(tails.map((tail) => [tail.trial, tail]));
  const curveOf = (trial: number): ShownCurve => {
    const before = known.get(trial) ?? [];
    const tail = tailOf.get(trial);
    return { trial, points: tail === undefined ? before : [...before.slice(0, tail.from), ...tail.points] };
  };
  return {
    status,
    trials: shown.trials.map((trial) => changed.get(trial.trial) ?? trial),
    curves: drawn.map(curveOf),
  };
}
