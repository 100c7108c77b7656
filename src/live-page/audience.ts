/**
 * Decides what the page may show. If other machines can reach it, it shows no more than `/metrics` does: names of the
 * run, the model and the workers, states and figures, but no path, host or free text. On loopback, it also shows
 * reasons.
 */
import type { RunNames } from "../config/index.js";
import type { RunStatus, WorkerStatus } from "../control/index.js";
import type { RunEvent } from "../telemetry/index.js";
import { visibleLine } from "../visible-text.js";
import type { ShownEvent, ShownStatus, ShownWorker } from "./messages.js";

/** machine: clients on loopback. network: anyone who reaches the port. */
export type Audience = "machine" | "network";

/** Details of events that everyone may see. Lists are in events.jsonl only. */
const open: ReadonlySet<string> = new Set([
  "worker",
  "step",
  "shards",
  "seconds",
  "eval_loss",
  "eval_exact_match",
  "metric",
  "value",
  "best_step",
  "adapter_step",
  "evaluations",
  "engine",
  "backend",
  "device",
  "train",
  "eval",
]);

export function shownEvent({ time, event, ...details }: RunEvent, audience: Audience): Omit<ShownEvent, "id"> {
  const shown: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(details))
    if (value !== null && typeof value !== "object" && (audience === "machine" || open.has(name)))
      shown[name] = typeof value === "string" ? visibleLine(value) : value;
  return { time, event, details: shown };
}

export const shownStatus = (status: RunStatus, names: RunNames, audience: Audience): ShownStatus => ({
  ...names,
  version: status.version,
  state: status.state,
  detail: audience === "machine" ? status.detail : null,
  step: status.step,
  totalSteps: status.total_steps,
  epoch: status.epoch,
  secondsPerStep: status.seconds_per_step,
  secondsLeft: status.seconds_left,
  checkpoint: status.checkpoint === null ? null : { step: status.checkpoint.step, time: status.checkpoint.time },
  workers: status.workers.map(shownWorker),
});

const shownWorker = ({ id, state, late, device, tokens_per_second }: WorkerStatus): ShownWorker => ({
  id,
  state,
  late,
  device,
  tokensPerSecond: tokens_per_second,
});
