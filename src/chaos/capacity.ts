/** What of the workers was there, over time. Pure. */

/**
 * The integral of a share (0: no worker, 1: all at full speed) that changes in steps.
 * @returns in the unit of `time`: how long all workers would have taken to do as much
 */
export class Capacity {
  readonly #changes: { readonly time: number; readonly share: number }[] = [];

  /** From `time` on it is `share`. Times don't go back. */
  change(time: number, share: number): void {
    this.#changes.push({ time, share });
  }

  between(from: number, to: number): number {
    return this.#changes.reduce((sum, { time, share }, index) => {
      const until = this.#changes[index + 1]?.time ?? Infinity;
      return sum + share * Math.max(0, Math.min(to, until) - Math.max(from, time));
    }, 0);
  }
}
