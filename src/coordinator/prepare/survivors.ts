/** Workers from before a restart of the coordinator: they may have a later state than the newest checkpoint. */
import { hostname } from "node:os";
import type { Clock, Timer } from "../../clock.js";
import { isRunning } from "../../processes.js";
import type { RunRecord } from "../../telemetry/index.js";
import type { Conductor } from "../conductor.js";
import type { RunParts } from "../run-parts.js";

/** How long a restarted coordinator waits for the workers of its last step, which reconnect every few seconds, ms. */
export const recoveryTimeout = 30_000;

/** Does not wait for dead workers: whether processes of this machine are alive can be checked. */
export function watchSurvivors({ survivors, record }: RunParts, conductor: Conductor, clock: Clock): Timer | undefined {
  if (survivors === 0) return undefined;
  const watch = clock.every(1_000, () => {
    if (conductor.status().phase !== "recovering") watch.cancel();
    else conductor.dispatch({ type: "survivors", count: survivorsOf(record).length });
  });
  return watch;
}

/**
 * The workers that may have a later state than the checkpoint: all that took part, except processes of this machine that
 * no longer exist. Workers on other machines cannot be checked.
 */
export const survivorsOf = ({ workers }: RunRecord): RunRecord["workers"] =>
  workers.filter(({ host, pid }) => host !== hostname() || isRunning(pid));
