/** How long a run takes, from the steps that it has measured before. Pure. */
import type { Rehearsal } from "../../coordinator/index.js";

export interface TimeForecast {
  /** Of the steps that are left. */
  readonly seconds: number;
  /** Steps that it is computed from. */
  readonly steps: number;
}

/** The last ones: the cluster may have changed since the first. */
const mostSteps = 100;

/** @returns null if nothing was measured */
export function timeForecast({ prepared, measured }: Pick<Rehearsal, "prepared" | "measured">): TimeForecast | null {
  const last = measured.slice(-mostSteps);
  if (last.length === 0) return null;
  const sorted = last.map(({ step_seconds: seconds }) => seconds).sort((a, b) => a - b);
  // The median: a step in which a worker was lost, or a pause, does not count.
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { seconds: median * (prepared.plan.totalSteps - prepared.replica.step), steps: last.length };
}
