/**
 * Gives out a run's status as it is now, then whenever it has changed, a few times a second at most, and from time to
 * time when it has not, so that silence means that something is broken. Knows no network.
 */
import type { RunControl } from "./run-control.js";
import { isOver } from "./run-status.js";
import type { RunStatus } from "./run-status.js";

export interface WatchIntervals {
  /** The least time between two, ms; the end comes at once. */
  readonly least: number;
  /** The longest, ms. */
  readonly longest: number;
}

export const watchIntervals: WatchIntervals = { least: 250, longest: 5_000 };

/**
 * @param give gets each; the last one of a run is followed by nothing
 * @returns ends it; may be called again
 */
export function watchStatus(
  control: Pick<RunControl, "status" | "watch">,
  give: (status: RunStatus, last: boolean) => void,
  { least, longest }: WatchIntervals = watchIntervals,
): () => void {
  let given = "";
  let timer: NodeJS.Timeout | undefined;
  let open = false;
  const close = (): void => {
    clearTimeout(timer);
    unwatch();
  };
  const look = (always: boolean): void => {
    const status = control.status();
    const text = JSON.stringify(status);
    const over = isOver(status.state);
    if (over) close();
    if (!always && text === given) return;
    given = text;
    clearTimeout(timer);
    open = false;
    if (!over) timer = setTimeout(rested, least);
    give(status, over);
  };
  /** `least` is over: what changed meanwhile, or changes from now on, is given at once. */
  const rested = (): void => {
    open = true;
    timer = setTimeout(() => look(true), longest - least);
    look(false);
  };
  // Of what is too soon, `rested` takes note.
  const unwatch = control.watch((over) => {
    if (open || over) look(false);
  });
  look(true);
  return close;
}
