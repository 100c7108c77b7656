/** Workers of an earlier life of the coordinator: they may have a later state than the newest checkpoint. */
import { hostname } from "node:os";
import type { Clock, Timer } from "../../clock.js";
import { isRunning } from "../../processes.js";
import type { RunRecord } from "../../telemetry/index.js";
import type { Conductor } from "../conductor.js";
import type { RunParts } from "../run-parts.js";

/** How long a restarted coordinator waits for the workers of its last step: they try again every few seconds, ms. */
export const recoveryTimeout = 30_000;

/** Nobody is waited for who died since: the processes of this machine are looked after. */
export function watchSurvivors({ survivors, record }: RunParts, conductor: Conductor, clock: Clock): Timer | undefined {
  if (survivors === 0) return undefined;
  const watch = clock.every(1_000, () => {
    if (conductor.status().phase !== "recovering") watch.cancel();
    else conductor.dispatch({ type: "survivors", count: survivorsOf(record).length });
  });
  return watch;
}

/**
 * Those who may have a later state than the checkpoint's: all that took part but the processes of this machine that are
 * gone. Of one on another machine nothing is known.
 */
export const survivorsOf = ({ workers }: RunRecord): RunRecord["workers"] =>
  workers.filter(({ host, pid }) => host !== hostname() || isRunning(pid));
