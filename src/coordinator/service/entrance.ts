/** Lets workers join: so many at the same time, and so many per second. Decides when; does not depend on streams. */
import type { Clock } from "../../clock.js";

export interface EntranceLimits {
  /** Workers at the same time. */
  readonly maxWorkers: number;
  /** Workers per second, beyond as many immediately. */
  readonly joinsPerSecond: number;
}

export class Entrance {
  readonly #limits: EntranceLimits;
  readonly #clock: Pick<Clock, "now">;
  /** When as many could join as had joined by now, ms. */
  #free = Number.NEGATIVE_INFINITY;

  constructor(limits: EntranceLimits, clock: Pick<Clock, "now">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Registers a worker that wants to join. @returns how long it has to wait, ms */
  wait(): number {
    const interval = 1000 / this.#limits.joinsPerSecond;
    const now = this.#clock.now();
    const turn = Math.max(this.#free, now - Math.max(1000, interval));
    this.#free = turn + interval;
    return Math.max(0, this.#free - now);
  }

  /** @param present workers in the run @returns why another one may not join, if it may not */
  refusal(present: number): string | undefined {
    const { maxWorkers } = this.#limits;
    return present < maxWorkers ? undefined : `the run has ${present} workers, as many as cluster.limits allows`;
  }
}
