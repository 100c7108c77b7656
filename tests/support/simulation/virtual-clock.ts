/**
 * Virtual time: a heap of timers. Time advances only after all promise continuations triggered by the last timer's
 * callback have run, so that components which await one another behave as on the system clock, but as fast as possible.
 */
import type { Clock, Timer } from "../../../src/clock.js";

interface Entry extends Timer {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

const before = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

export class VirtualTime {
  /** ms */
  now = 0;
  /** Number of callbacks that have run. */
  turns = 0;
  readonly #heap: Entry[] = [];
  #order = 0;
  #onSettled: (() => void)[] = [];

  /** Callbacks with the same time run in the order in which they were scheduled. */
  at(time: number, run: () => void): Timer {
    const entry: Entry = {
      time: Math.max(time, this.now),
      order: this.#order++,
      run,
      cancelled: false,
      cancel: () => (entry.cancelled = true),
    };
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!before(entry, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = entry;
    return entry;
  }

  /** Runs `act` before the next callback: once all promise continuations of the current one have run. */
  settled(act: () => void): void {
    this.#onSettled.push(act);
  }

  /**
   * Runs until `over` returns true. Rejects if a callback throws, if no timer is left, or after `limit` ms.
   * @param state describes a run that does not end, for the error message
   */
  run(over: () => boolean, limit: number, state: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          const settled = this.#onSettled;
          this.#onSettled = [];
          for (const act of settled) act();
          if (over()) {
            resolve();
            return;
          }
          const next = this.#pop();
          if (next === undefined) throw new Error(`nothing can happen any more: ${state()}`);
          if (next.time > limit) throw new Error(`not over after ${limit} ms: ${state()}`);
          this.now = next.time;
          this.turns++;
          next.run();
          // All promise continuations triggered by this callback, directly or indirectly, run before the next turn.
          setImmediate(turn);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      setImmediate(turn);
    });
  }

  #pop(): Entry | undefined {
    for (let entry = this.#popAny(); entry !== undefined; entry = this.#popAny()) if (!entry.cancelled) return entry;
    return undefined;
  }

  #popAny(): Entry | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

/**
 * A simulated process: its clock, which differs from those of other processes, and whether it runs. A frozen process
 * (SIGSTOP) runs its overdue callbacks once it resumes; a killed process runs nothing more.
 */
export class VirtualProcess implements Clock {
  readonly #time: VirtualTime;
  /** The reading of this process's monotonic clock at the start, ms. */
  readonly #origin: number;
  readonly #timers = new Set<Timer>();
  #frozenUntil = 0;
  #dead = false;

  constructor(time: VirtualTime, origin: number) {
    this.#time = time;
    this.#origin = origin;
  }

  now(): number {
    return this.#origin + this.#time.now;
  }

  wallClock(): number {
    return 1.7e12 + this.#time.now;
  }

  /** Number of active timers of the program in this process. */
  get timers(): number {
    return this.#timers.size;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get frozen(): boolean {
    return this.#frozenUntil > this.#time.now;
  }

  freeze(duration: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#time.now + duration);
  }

  kill(): void {
    this.#dead = true;
  }

  after(delay: number, callback: () => void): Timer {
    const timer = this.arrive(delay, () => {
      this.#timers.delete(owned);
      callback();
    });
    const owned = {
      cancel: (): void => {
        this.#timers.delete(owned);
        timer.cancel();
      },
    };
    this.#timers.add(owned);
    return owned;
  }

  every(interval: number, callback: () => void): Timer {
    let cancelled = false;
    let timer: Timer;
    const next = (): void => {
      timer = this.after(interval, () => {
        callback();
        if (!cancelled) next();
      });
    };
    next();
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  soon(callback: () => void): Timer {
    return this.after(0, callback);
  }

  /** Schedules an event from outside, or a delay, that does not count as a timer of the program. */
  arrive(delay: number, callback: () => void): Timer {
    let timer: Timer;
    const run = (): void => {
      if (this.#dead) return;
      if (this.frozen) timer = this.#time.at(this.#frozenUntil, run);
      else callback();
    };
    timer = this.#time.at(this.#time.now + delay, run);
    return { cancel: () => timer.cancel() };
  }

  /** Simulates work: resolves after `duration` ms of virtual time. */
  work(duration: number): Promise<void> {
    return new Promise((resolve) => void this.arrive(duration, resolve));
  }
}
