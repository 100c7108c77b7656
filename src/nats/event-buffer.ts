/** Events that wait to be sent: the newest so many, in order. Pure. */

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

  /** @returns whether the oldest one had to go for it */
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

  /** Lets go of an entry and of all before it: they are where they belong. */
  acknowledge(sequence: number): void {
    const kept = this.#entries.findIndex((entry) => entry.sequence > sequence);
    this.#entries.splice(0, kept < 0 ? this.#entries.length : kept);
  }
}
