/** Decides which trial a free worker helps with. Pure. */

export interface OpenTrial {
  /** Identifies its run. */
  readonly id: string;
  /** Workers that take part in it. */
  readonly workers: number;
}

/**
 * A trial without a worker comes first. While more trials are about to open, the worker waits for one of them: a trial
 * per worker takes least communication. Otherwise it joins the trial with the fewest workers, the oldest of these.
 * @param open in the order in which they opened
 * @param opening whether more trials are about to open
 * @returns the id of the trial; undefined: the worker waits
 */
export function trialForWorker(open: readonly OpenTrial[], opening: boolean): string | undefined {
  const fewest = Math.min(...open.map(({ workers }) => workers));
  if (open.length === 0 || (fewest > 0 && opening)) return undefined;
  return open.find(({ workers }) => workers === fewest)?.id;
}
