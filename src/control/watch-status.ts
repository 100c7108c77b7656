/**
 * Emits a run's status: immediately, then when it changes, at most a few times per second, and periodically if it does
 * not, so that silence means failure. Independent of the transport.
 */
import type { RunControl } from "./run-control.js";
import { isOver } from "./run-status.js";
import type { RunStatus } from "./run-status.js";

export interface WatchIntervals {
  /** Minimum interval, ms; the end is emitted immediately. */
  readonly least: number;
  /** Maximum interval, ms. */
  readonly longest: number;
}

export const watchIntervals: WatchIntervals = { least: 250, longest: 5_000 };

/**
 * @param give called with each status; none follows the final status of a run
 * @returns a function that stops it; may be called more than once
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
  /** `least` has passed: a change, earlier or later, is emitted immediately. */
  const rested = (): void => {
    open = true;
    timer = setTimeout(() => look(true), longest - least);
    look(false);
  };
  // A change that comes too soon is emitted by `rested`.
  const unwatch = control.watch((over) => {
    if (open || over) look(false);
  });
  look(true);
  return close;
}
