/** What of a run's record cannot be used, in words: for every command that reads it. Pure. */
import type { RunHistory } from "./read.js";

/** Sentences for people; none for a record that is whole. */
export function historyNotes({ damagedLines, repeatedSteps, notFinite }: RunHistory): readonly string[] {
  return [
    damagedLines > 0
      ? `${counted(damagedLines, "line")} of metrics.jsonl could not be read and ${wasWere(damagedLines)} skipped`
      : "",
    repeatedSteps > 0
      ? `${counted(repeatedSteps, "step")} ${wasWere(repeatedSteps)} recorded again after a restart: the later lines count`
      : "",
    notFinite > 0 ? `${counted(notFinite, "value")} of metrics.jsonl ${notFinite === 1 ? "is" : "are"} not finite` : "",
  ].filter((text) => text !== "");
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
const wasWere = (count: number): string => (count === 1 ? "was" : "were");
