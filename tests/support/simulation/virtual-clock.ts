/**
 * Virtual time: a heap of timers. It moves on only when every promise has settled that the last timer's callback let go
 * on, so that shells which await one another run as they do on the system's clock, and as fast as the machine can.
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
  /** How many callbacks have run. */
  turns = 0;
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Callbacks at the same time run in the order in which they were asked for. */
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

  /**
   * Runs until `over`. Rejects with what a callback throws, where nothing is left to happen, and after `limit` ms.
   * @param state what to say of a run that does not end
   */
  run(over: () => boolean, limit: number, state: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
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
          // What this let go on, and whatever that lets go on in turn, comes before the next turn.
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
 * A process as others see it: its clock, which reads another time than theirs, and whether it runs. One that is frozen
 * (SIGSTOP) does what was due when it runs again; one that was killed does nothing more.
 */
export class VirtualProcess implements Clock {
  readonly #time: VirtualTime;
  /** What this process's monotonic clock shows at the start, ms. */
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

  /** Timers of the program that runs in it. */
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

  /** Something comes to this process from outside, or time passes that is not the program's own timer. */
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

  /** Resolves after so many ms of virtual time: work that this process waits for. */
  work(duration: number): Promise<void> {
    return new Promise((resolve) => void this.arrive(duration, resolve));
  }
}
