/** A bounded buffer of events to send: keeps the newest, in order. Pure. */

interface Entry<T> {
  readonly sequence: number;
  readonly item: T;
}

export class EventBuffer<T> {
  readonly #capacity: number;
  readonly #entries: Entry<T>[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** @returns whether the oldest one was dropped for it */
  push(item: T): boolean {
    this.#entries.push({ sequence: this.#next++, item });
    if (this.#entries.length <= this.#capacity) return false;
    this.#entries.shift();
    return true;
  }

  /** The oldest ones, which stay. */
  oldest(count: number): readonly Entry<T>[] {
    return this.#entries.slice(0, count);
  }

  /** Removes an entry and all before it: they have been stored. */
  acknowledge(sequence: number): void {
    const kept = this.#entries.findIndex((entry) => entry.sequence > sequence);
    this.#entries.splice(0, kept < 0 ? this.#entries.length : kept);
  }
}
