/**
 * Decides what the page of a sweep may show. If other machines can reach it, it shows no path and no free text, as the
 * live page of a run.
 */
import { runNames } from "../../config/index.js";
import type { Audience } from "../../live-page/index.js";
import { visibleLine } from "../../visible-text.js";
import { version } from "../../version.js";
import type { Sweep } from "../load.js";
import { shortKey, shortNumber } from "../pictures.js";
import type { SweepStatus, TrialStatus } from "../status.js";
import { rankedTrials } from "./choose.js";
import type { ShownSweep, ShownTrial } from "./messages.js";

/** How a sweep ended. */
export type SweepEnd = "completed" | "stopped" | "failed";

export function shownSweep(status: SweepStatus, { base }: Pick<Sweep, "base">, end: SweepEnd | undefined): ShownSweep {
  const { output_dir, metric, rung, rungs, best, workers, trials } = status;
  const { run, model } = runNames({ output_dir, model: base.config.model });
  const keys = Object.keys(trials[0]?.settings ?? {});
  const isWaiting = workers === 0 && end === undefined;
  return {
    sweep: run,
    model,
    version,
    state: end ?? (isWaiting ? "waiting" : "training"),
    detail: isWaiting ? "no worker is connected" : null,
    metric,
    settings: keys.map((key) => shortKey(key, keys)),
    rung,
    rungs,
    best: best ?? rankedTrials(status)[0]?.trial ?? null,
    workers,
  };
}

/** Characters of a setting or a reason. */
const longestText = 200;

/** @param loss the newest that is known of it */
export const shownTrial = (
  { settings, reason, loss, ...trial }: TrialStatus,
  audience: Audience,
  last: number | undefined,
): ShownTrial => ({
  ...trial,
  loss: loss ?? last ?? null,
  settings: Object.values(settings).map((value) => settingText(value, audience)),
  reason: audience === "machine" && reason !== null ? visibleLine(reason, longestText) : null,
});

function settingText(value: unknown, audience: Audience): string {
  if (typeof value === "number") return shortNumber(value);
  if (typeof value === "boolean" || value === null) return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // It may be a path.
  if (audience === "network" && /[/\\]/.test(text)) return "(not shown)";
  return visibleLine(text, longestText);
}
