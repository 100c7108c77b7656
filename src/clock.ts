/** Time and timers, passed in: shells run on the system's clock, and in tests and simulations in virtual time. */

/** A callback that has not run yet, or runs again and again. */
export interface Timer {
  /** The callback runs no more. May be called twice. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic, ms. */
  now(): number;
  /** Wall clock, ms since 1970. */
  wallClock(): number;
  /** Runs the callback once, after `delay` ms. */
  after(delay: number, callback: () => void): Timer;
  /** Runs the callback every `interval` ms until it is cancelled. */
  every(interval: number, callback: () => void): Timer;
  /** Runs the callback once, at the end of this turn of the event loop: what was written before it leaves first. */
  soon(callback: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  after: (delay, callback) => {
    const timer = setTimeout(callback, delay);
    return { cancel: () => clearTimeout(timer) };
  },
  every: (interval, callback) => {
    const timer = setInterval(callback, interval);
    return { cancel: () => clearInterval(timer) };
  },
  soon: (callback) => {
    const immediate = setImmediate(callback);
    return { cancel: () => clearImmediate(immediate) };
  },
};
