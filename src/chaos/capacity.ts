/** The available share of the workers over time. Pure. */

/**
 * The integral of a share (0: no worker, 1: all at full speed) that changes in steps.
 * @returns in the unit of `time`: how long all workers together would have taken for the same work
 */
export class Capacity {
  readonly #changes: { readonly time: number; readonly share: number }[] = [];

  /** The share is `share` from `time` on. Times must not decrease. */
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
