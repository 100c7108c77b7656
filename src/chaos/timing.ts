/** Timers of a chaos run. */
import type { ClusterEnd } from "./cluster.js";
import type { Fault } from "./plan.js";

/** Triggers scheduled events. */
export class Schedule {
  readonly #faults: Iterator<Fault>;
  readonly #clock: () => number;
  readonly #act: (fault: Fault) => void;
  #start = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(faults: Iterator<Fault>, clock: () => number, act: (fault: Fault) => void) {
    this.#faults = faults;
    this.#clock = clock;
    this.#act = act;
  }

  start(): void {
    this.#start = this.#clock();
    this.#await();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #await(): void {
    const next = this.#faults.next();
    if (next.done === true) return;
    const wait = this.#start + next.value.time - this.#clock();
    this.#timer = setTimeout(
      () => {
        this.#act(next.value);
        this.#await();
      },
      Math.max(0, wait * 1000),
    );
  }
}

/** Ends an attempt that makes no progress. */
export class Deadline {
  readonly passed: Promise<ClusterEnd>;
  readonly #timer: NodeJS.Timeout;

  constructor(seconds: number) {
    let end: (end: ClusterEnd) => void;
    this.passed = new Promise((resolve) => (end = resolve));
    this.#timer = setTimeout(
      () => end({ kind: "failed", reason: `no step was committed for ${seconds} s` }),
      seconds * 1000,
    );
  }

  postpone(): void {
    this.#timer.refresh();
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/** Limits how often an action runs. */
export class Sometimes {
  readonly #every: number;
  readonly #clock: () => number;
  #last = -Infinity;

  constructor(every: number, clock: () => number) {
    this.#every = every;
    this.#clock = clock;
  }

  maybe(act: () => void): void {
    if (this.#clock() - this.#last < this.#every) return;
    this.#last = this.#clock();
    act();
  }
}
