/** The order and the text of the table of trials. Independent of the browser. */
import { trialStates } from "../../trial-states.js";
import type { ShownTrial } from "../messages.js";

const order: readonly string[] = trialStates;

/** A column: of every trial, or the setting of that number. */
export type Column = "trial" | "state" | "step" | "loss" | "value" | number;

export interface Order {
  readonly by: Column;
  readonly isDescending: boolean;
}

/** Trials without a value come last in both orders; equal ones by their number. */
export function ordered(trials: readonly ShownTrial[], { by, isDescending }: Order): readonly ShownTrial[] {
  const sign = isDescending ? -1 : 1;
  return trials
    .map((trial) => ({ trial, key: keyOf(trial, by) }))
    .sort((one, other) => compare(one.key, other.key, sign) || one.trial.trial - other.trial.trial)
    .map(({ trial }) => trial);
}

type Key = number | string | null;

function keyOf(trial: ShownTrial, by: Column): Key {
  if (by === "state") return order.indexOf(trial.state);
  if (typeof by !== "number") return trial[by];
  const text = trial.settings[by] ?? "";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function compare(one: Key, other: Key, sign: number): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  if (typeof one === "number" && typeof other === "number") return sign * (one - other);
  return sign * String(one).localeCompare(String(other), "en", { numeric: true });
}

/** The newest rung: how many of its trials are there. */
export function rungProgress(
  trials: readonly ShownTrial[],
  rung: number,
): { readonly there: number; readonly all: number } {
  const open = trials.filter(({ state }) => state === "waiting" || state === "starting" || state === "training");
  const there = trials.filter((trial) => trial.rung === rung && !open.includes(trial)).length;
  return { there, all: there + open.length };
}
