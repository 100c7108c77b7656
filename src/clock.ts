/**
 * Time and timers, passed in as a parameter: the system's clock in production, virtual time in tests and simulations.
 */

/** A pending or repeating callback. */
export interface Timer {
  /** Stops the callback. Idempotent. */
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
  /** Runs the callback once, at the end of this turn of the event loop, after earlier writes have been sent. */
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
