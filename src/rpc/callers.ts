/**
 * What is remembered of addresses: whether they have presented the token, how often they were refused, and what they may
 * still do. Independent of connections.
 */
import type { GuardLimits } from "./guard-limits.js";

/** A number of things that may be done at the same time, and more of them as time passes. */
class Allowance {
  #left: number;
  #at: number;

  constructor(burst: number, now: number) {
    this.#left = burst;
    this.#at = now;
  }

  /** @param rate per second @returns whether one more may be done */
  take(now: number, burst: number, rate: number): boolean {
    this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1000) * rate);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

interface Caller {
  refusals: number;
  /** Start of the window in which they are counted, ms. */
  since: number;
  slowedUntil: number;
  readonly connections: Allowance;
  readonly openCalls: Allowance;
}

export class Callers {
  readonly #limits: GuardLimits;
  readonly #now: () => number;
  readonly #callers = new Map<string, Caller>();
  readonly #known = new Set<string>();

  /** @param now monotonic, ms */
  constructor(limits: GuardLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** The token was presented from this address. */
  admit(address: string): void {
    this.#known.delete(address);
    this.#known.add(address);
    evictOldest(this.#known, this.#limits.addresses);
  }

  isKnown(address: string): boolean {
    return this.#known.has(address);
  }

  /** A new connection. @returns whether it may be accepted */
  connects(address: string): boolean {
    const { connectionBurst, connectionRate, slowedRate } = this.#limits;
    const now = this.#now();
    const caller = this.#of(address);
    if (this.isSlowed(address)) return caller.connections.take(now, slowedRate, slowedRate);
    return caller.connections.take(now, connectionBurst, connectionRate);
  }

  /** A call that needs no token. @returns whether it may be answered */
  calls(address: string): boolean {
    const { openCallBurst, openCallRate } = this.#limits;
    return this.#of(address).openCalls.take(this.#now(), openCallBurst, openCallRate);
  }

  /** A call of this address was refused, or a connection closed for what it did. */
  refuse(address: string): void {
    const { refusals, refusalWindow, slowedFor } = this.#limits;
    const caller = this.#of(address);
    const now = this.#now();
    if (now - caller.since > refusalWindow) {
      caller.since = now;
      caller.refusals = 0;
    }
    if (++caller.refusals >= refusals) caller.slowedUntil = now + slowedFor;
  }

  /** Whether there were too many refusals of this address. */
  isSlowed(address: string): boolean {
    return (this.#callers.get(address)?.slowedUntil ?? 0) > this.#now();
  }

  #of(address: string): Caller {
    const { connectionBurst, openCallBurst, addresses } = this.#limits;
    const now = this.#now();
    const caller = this.#callers.get(address) ?? {
      refusals: 0,
      since: now,
      slowedUntil: 0,
      connections: new Allowance(connectionBurst, now),
      openCalls: new Allowance(openCallBurst, now),
    };
    // Moved to the end of the map, so that the first entry is the oldest.
    this.#callers.delete(address);
    this.#callers.set(address, caller);
    evictOldest(this.#callers, addresses);
    return caller;
  }
}

function evictOldest(entries: Pick<Map<string, unknown>, "size" | "keys" | "delete">, most: number): void {
  const [oldest] = entries.keys();
  if (entries.size > most && oldest !== undefined) entries.delete(oldest);
}
